"""What the tests of the reference stores share: a store on a clock that ticks, calls counted."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
START_NS = 1_763_000_000_000_000_000

# Every call that changes a file system.
CHANGING = (
    "mkdir",
    "write",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "fchmod",
)


class Calls:
    """The changing system calls made since the last look, and a say in what becomes of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        for name in CHANGING:
            monkeypatch.setattr(os, name, self._noted(name, getattr(os, name)))
        self._creating = os.open
        monkeypatch.setattr(os, "open", self._open)

    def take(self) -> list[str]:
        made, self.made = self.made, []
        return made

    def fail(self, call: str, error: int, *, times: int = 1) -> None:
        """Make the next calls of that name fail; a failing sync or write has no effect."""
        left = itertools.count(times, -1)

        def before(name: str) -> None:
            if name == call and next(left) > 0:
                raise OSError(error, os.strerror(error))

        self.before = before

    def _open(self, path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        if flags & os.O_CREAT and not os.path.exists(path):
            self.before("create")
            self.made.append("create")
        return self._creating(path, flags, *arguments, **named)

    def _noted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.before(name)
            self.made.append(name)
            return real(*arguments, **named)

        return call


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def reopen(directory: Path) -> Iterator[Callable[[], JSONLStore]]:
    """Open the store as a new process would, on a clock that goes on by a nanosecond."""
    readings = itertools.count(START_NS)
    opened: list[JSONLStore] = []

    def open_store() -> JSONLStore:
        opened.append(JSONLStore(directory, clock=lambda: next(readings)))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], JSONLStore]) -> JSONLStore:
    return reopen()


@pytest.fixture
def calls(store: JSONLStore, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What the opened store calls from now on."""
    return Calls(monkeypatch)


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy, to be written to, of the files the original program wrote."""
    copy = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy
