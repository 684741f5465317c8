"""What the stores raise beside `OSError`."""

import errno
import os


class StoreError(Exception):
    """Base of what the store itself raises; errors of the system stay `OSError`."""


class StoreClosed(StoreError):
    """The store was closed. Open a new one on the same directory."""


class KeyRefused(StoreError, ValueError):
    """The key cannot name a session. Nothing was written; use another key."""


class SessionNotFound(StoreError, KeyError):
    """There is no session of that id. The text names it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would show its repr


class MessageRefused(StoreError, ValueError):
    """The message cannot be stored exactly. Nothing was written; the text says what to change."""


class SummaryRefused(StoreError, ValueError):
    """The summary is not text that UTF-8 can hold. Nothing was written."""


class TooManySuspects(StoreError):
    """Syncs failed for so many sessions that the store stopped keeping track of them.

    It refuses every write. See to the disk, then open the store anew.
    """


class ChangeNotUndone(StoreError, OSError):
    """An operation failed and its change could not be taken back.

    The text says what readers may see. `errno` and `filename` are those of the first failure,
    `__cause__` is what kept the change from being undone.
    """

    def __init__(self, first: OSError, path: str, visible: str) -> None:
        reason = first.strerror or str(first)
        text = f"{reason}; and this could not be undone: {visible}"
        super().__init__(first.errno, text, os.fspath(path))


def as_os_error(error: BaseException) -> OSError:
    """The error itself, or one that stands for an interruption such as Ctrl-C."""
    if isinstance(error, OSError):
        return error
    return OSError(errno.EINTR, f"interrupted by {type(error).__name__}")
