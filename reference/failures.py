"""Failures of operations that do not raise: told through logging, and kept to be looked at."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tornwrite.reference.durable.errors import StoreError

MOST_RECENT = 100
_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Failure:
    """One operation that failed.

    Attributes:
        key: the session's; empty where it was about no one session.
        operation: the method's name, or "start".
        error: what it would have raised.
    """

    key: str
    operation: str
    error: Exception


class Failures:
    """What failed so far. Memory does not grow with it: only the last 100 are kept.

    Args:
        on_failure: called with each one, by the thread that met it. What it raises is logged.
    """

    def __init__(self, on_failure: Callable[[Failure], None] | None = None) -> None:
        self._on_failure = on_failure
        self._recent: deque[Failure] = deque(maxlen=MOST_RECENT)
        self._total = 0
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """How many there were."""
        return self._total

    @property
    def recent(self) -> tuple[Failure, ...]:
        """The last of them, at most 100, oldest first."""
        with self._lock:
            return tuple(self._recent)

    def of(self, key: str) -> tuple[Failure, ...]:
        """Those of the recent ones that were about this session, oldest first."""
        return tuple(failure for failure in self.recent if failure.key == key)

    def note(self, key: str, operation: str, error: Exception) -> None:
        """Log a failure, keep it, and hand it on."""
        failure = Failure(key, operation, error)
        _logger.warning("%s of session %r failed: %s", operation, key, error)
        with self._lock:
            self._recent.append(failure)
            self._total += 1
        if self._on_failure is not None:
            try:
                self._on_failure(failure)
            except Exception:
                _logger.exception("what was to be told of a failure failed itself")

    def attempt(
        self, key: str, operation: str, action: Callable[[], _Result], otherwise: _Result
    ) -> _Result:
        """Do something; note what the disk or the data did to it.

        Args:
            key, operation: what it is.
            action: does it. Only `StoreError` and `OSError` are noted, anything else is raised.
            otherwise: the result if it failed.
        """
        try:
            return action()
        except (StoreError, OSError) as error:
            self.note(key, operation, error)
            return otherwise
