"""Starting while the disk fails or the process is killed, at every call in turn."""

import contextlib
import errno
import itertools
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.starting import contents, hinder, legacy, shown, start, unhinder
from tornwrite.faults.scratch import Workspace
from tornwrite.reference import JSONLStore
from tornwrite.reference.interface import JSONLBackend, SessionStore
from tornwrite.reference.manager import SessionManager, SessionUnreadable

KEYS = ("both", "jsonl", "file", "half:done")


class Faults:
    """Makes calls of the os module fail: the n-th of all, or from the n-th on."""

    CALLS = (
        "open", "pread", "write", "ftruncate", "fsync", "fdatasync", "rename", "unlink", "stat",
        "fstat", "scandir", "listdir", "lstat", "makedirs",
    )  # fmt: skip

    def __init__(self, patched: pytest.MonkeyPatch, at: int, *, last: bool) -> None:
        self.made = 0
        self._at = at
        self._last = last
        for name in self.CALLS:
            patched.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.made += 1
            if self.made == self._at or (self._last and self.made > self._at):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*arguments, **named)

        return call


def prepared(directory: Path) -> list[tuple[list[Any], str]]:
    """One session in a file, one in the JSONL store, one in both, one half migrated."""
    with JSONLStore(directory) as jsonl:
        for key in ("both", "jsonl"):
            jsonl.set_history(key, [{"content": "gone"}, {"content": "2"}, {"content": "3"}])
            jsonl.truncate_history(key, 2)
            jsonl.set_summary(key, "s")
    path = legacy(directory, "half:done", "1", summary="s")
    raw = path.read_bytes()
    start(directory).close()
    path.write_bytes(raw)
    with JSONLStore(directory) as jsonl:
        jsonl.set_history("half:done", [{"content": "2"}])
    legacy(directory, "both", "1")
    legacy(directory, "file", "1", summary="s")
    return [(["1", "2", "3"], "s"), (["2", "3"], "s"), (["1"], "s"), (["2"], "s")]


def changed(store: SessionStore, saved: Sequence[str]) -> None:
    """Each session is cut to one message and gets another; those named are saved."""
    for key in KEYS:
        store.truncate_history(key, 1)
        store.add_message(key, "user", "new")
        store.set_summary(key, "newer")
    for key in saved:
        store.save(key)


@pytest.mark.parametrize("last", [False, True], ids=["one error", "all from there on"])
@pytest.mark.parametrize("hindered", [False, True], ids=["", "hindered"])
def test_whatever_fails_while_starting_nothing_is_lost_doubled_or_split(
    last: bool, hindered: bool
) -> None:
    kinds = set()
    with Workspace() as workspace:
        base = Path(workspace.path) / "base"
        before = prepared(base)
        if hindered:
            hinder(base)
        for at in itertools.count(1):
            directory = Path(shutil.copytree(base, base.parent / str(at)))
            store: SessionStore | None = None
            with pytest.MonkeyPatch.context() as patched:
                faults = Faults(patched, at, last=last)
                with contextlib.suppress(OSError):
                    store = start(directory)
            kinds.add(type(store))
            check_life(directory, store, before)
            if faults.made < at:
                break
    # After the last call nothing fails any more.
    fell_back = {SessionManager} if hindered or not last else set()
    assert kinds == {type(None), *fell_back, *(() if hindered else (JSONLBackend,))}


def check_life(
    directory: Path, store: SessionStore | None, before: list[tuple[list[Any], str]]
) -> None:
    """What was started shows what there was; what it then saves is there for good.

    A manager may refuse the one session whose file it could not read: then that stays as it was.
    """
    after = before
    if store is not None:
        found = [(contents(store, key), store.get_summary(key)) for key in KEYS]
        refused = {key for key in KEYS if was_refused(store, key)}
        assert len(refused) <= 1
        due = [([], "") if key in refused else one for key, one in zip(KEYS, before, strict=True)]
        assert found == due
        if isinstance(store, SessionManager):
            assert store.failures.total
        else:  # a file that cannot be read, and is no legacy session, keeps nobody from starting
            assert all(".meta.json" in str(one.error) for one in store.failures.recent)
        changed(store, [key for key in KEYS if key not in refused])
        for key in refused:
            with pytest.raises(SessionUnreadable):
                store.save(key)
        store.close()
        after = [
            one if key in refused else ([one[0][-1], "new"], "newer")
            for key, one in zip(KEYS, before, strict=True)
        ]
    unhinder(directory)
    for _ in range(2):
        assert shown(directory, *KEYS) == after
    assert not [name for name in os.listdir(directory) if name.endswith(".tmp")]


def was_refused(store: SessionStore, key: str) -> bool:
    return any(isinstance(one.error, SessionUnreadable) for one in store.failures.of(key))


# Kills. Forking is what is tested here; the stores' locks are made anew in the child.


def killed_at(directory: Path, at: int) -> bool:
    """A life that is killed before its n-th changing call; whether there was one."""
    child = os.fork()
    if not child:
        left = at
        try:

            def dying(real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*arguments: Any, **named: Any) -> Any:
                    nonlocal left
                    if not left:
                        os.kill(os.getpid(), signal.SIGKILL)
                    left -= 1
                    return real(*arguments, **named)

                return call

            for name in ("write", "ftruncate", "fsync", "fdatasync", "rename", "unlink"):
                setattr(os, name, dying(getattr(os, name)))
            changed(start(directory), KEYS)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def stages(found: list[Any], hindered: bool) -> list[tuple[list[Any], str]]:
    """What a session may be like after a kill: saved at once, or change by change."""
    cut, more = found[-1:], [*found[-1:], "new"]
    after = (more, "newer")
    return [after] if hindered else [(cut, "s"), (more, "s"), after]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("then_hindered", [False, True], ids=["", "then hindered"])
@pytest.mark.parametrize("hindered", [False, True], ids=["", "hindered"])
def test_a_life_that_is_killed_at_any_call_is_gone_on_with(
    hindered: bool, then_hindered: bool
) -> None:
    with Workspace() as workspace:
        base = Path(workspace.path) / "base"
        before = prepared(base)
        for at in itertools.count():
            directory = Path(shutil.copytree(base, base.parent / str(at)))
            (hinder if hindered else unhinder)(directory)
            killed = killed_at(directory, at)
            (hinder if then_hindered else unhinder)(directory)
            left = shown(directory, *KEYS)
            for now, (found, summary) in zip(left, before, strict=True):
                assert now in [(found, summary), *stages(found, hindered)]
            check_life(directory, start(directory), left)
            if not killed:
                break
        assert left == [([found[-1], "new"], "newer") for found, _ in before]
