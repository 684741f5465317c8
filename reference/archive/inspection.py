"""What the store tells about the state of a session's files."""

from dataclasses import dataclass

from tornwrite.reference.durable.damage import Damage


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """A session's files as they are on disk.

    Attributes:
        exists: whether there is a session, active or archived.
        active: whether it has messages that are not archived.
        messages: how many messages it has, archived ones included.
        damage: what is wrong, in the order of the files' contents.
    """

    exists: bool
    active: bool
    messages: int
    damage: tuple[Damage, ...]
