"""The session manager: sessions in memory, saved whole."""

from tornwrite.reference.manager.manager import SessionManager
from tornwrite.reference.manager.session import ChangedElsewhere, Session, SessionUnreadable

__all__ = ["ChangedElsewhere", "Session", "SessionManager", "SessionUnreadable"]
