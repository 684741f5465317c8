"""What the tests of the published stores share: a clock that ticks, the golden files, and the ways
to look at the calls on the system, to refuse one and to end the process before one."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import (
    ArchivingStore,
    JSONLStore,
    SessionManager,
    TranscriptStore,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
START_NS = 1_763_000_000_000_000_000

RECORDED = (
    *("open", "write", "fsync", "fdatasync", "fchmod", "close", "rename", "unlink", "rmdir"),
    *("truncate", "ftruncate", "mkdir"),
)

Calls = list[str]
At = Callable[..., AbstractContextManager[None]]


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing in the store may tidy up after it."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def clock() -> Callable[[], int]:
    """It goes on by a nanosecond at each look."""
    readings = itertools.count(START_NS)
    return lambda: next(readings)


@pytest.fixture
def reopen(directory: Path, clock: Callable[[], int]) -> Callable[[], JSONLStore]:
    """Open the store as a new process would."""
    return lambda: JSONLStore(directory, clock=clock)


@pytest.fixture
def store(reopen: Callable[[], JSONLStore]) -> JSONLStore:
    return reopen()


@pytest.fixture
def archive(directory: Path) -> ArchivingStore:
    return ArchivingStore(directory)


@pytest.fixture
def reopen_transcripts(directory: Path, clock: Callable[[], int]) -> Callable[[], TranscriptStore]:
    return lambda: TranscriptStore(directory, clock=clock)


@pytest.fixture
def transcripts(reopen_transcripts: Callable[[], TranscriptStore]) -> TranscriptStore:
    return reopen_transcripts()


@pytest.fixture
def reopen_manager(directory: Path, clock: Callable[[], int]) -> Callable[[], SessionManager]:
    return lambda: SessionManager(directory, clock=clock)


@pytest.fixture
def manager(reopen_manager: Callable[[], SessionManager]) -> SessionManager:
    return reopen_manager()


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy, to be written to, of the files the original program wrote."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


def _name(target: Any) -> str:
    return os.path.basename(
        os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.fspath(target)
    )


def _flag_names(flags: int) -> str:
    access = {os.O_RDONLY: "RDONLY", os.O_WRONLY: "WRONLY", os.O_RDWR: "RDWR"}
    more = [
        name for name in ("CREAT", "EXCL", "TRUNC", "APPEND") if flags & getattr(os, f"O_{name}")
    ]
    return "|".join([access[flags & os.O_ACCMODE], *more])


@pytest.fixture
def record_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Calls]:
    """Write down each call on `os` from now on, by the names of the files."""

    def interpose(call: str, recorded: Calls) -> None:
        original: Callable[..., Any] = getattr(os, call)

        def recording(target: Any, *rest: Any, **named: Any) -> Any:
            said = f"{call} {_name(target)}"
            if call == "open":
                said += " " + _flag_names(rest[0])
            if call == "rename":
                said += " " + _name(rest[0])
            recorded.append(said)
            return original(target, *rest, **named)

        monkeypatch.setattr(os, call, recording)

    def start() -> Calls:
        recorded: Calls = []
        for call in RECORDED:
            interpose(call, recorded)
        return recorded

    return start


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Within the block, do something just before the first such call on a file of that name."""

    @contextlib.contextmanager
    def interposing(call: str, name: str, action: Callable[[], None]) -> Iterator[None]:
        original: Callable[..., Any] = getattr(os, call)
        reached = False

        def interposed(*arguments: Any, **named: Any) -> Any:
            nonlocal reached
            targets = arguments[:2] if call == "rename" else arguments[:1]
            if not reached and any(_name(target) == name for target in targets):
                reached = True
                action()
            return original(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, interposed)
            yield
        assert reached, f"{call} {name} never came"

    return interposing


@pytest.fixture
def killed_before(at: At) -> At:
    """Within the block, let the process end just before that call."""

    @contextlib.contextmanager
    def killing(call: str, name: str) -> Iterator[None]:
        def kill() -> None:
            raise Killed

        with pytest.raises(Killed), at(call, name, kill):
            yield

    return killing


@pytest.fixture
def refused(at: At) -> At:
    """Within the block, let that call fail as on a full disk, and the store hand it on."""

    @contextlib.contextmanager
    def refusing(call: str, name: str) -> Iterator[None]:
        def refuse() -> None:
            raise OSError(28, "No space left on device")

        with at(call, name, refuse), pytest.raises(OSError, match="No space"):
            yield

    return refusing
