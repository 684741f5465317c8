"""What a killed process left is visible and not yet durable: nothing is acknowledged upon it.

A process is killed before its syncs, another goes on from what is to be seen, and then the power
fails: every image that a file system may leave by the rules of POSIX is started on.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from support.starting import contents, hinder, legacy, shown, start, unhinder
from tornwrite.faults.images import clear, materialise
from tornwrite.faults.profiles import POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.states import CrashStates
from tornwrite.reference import JSONLStore, migrate_legacy
from tornwrite.reference.manager import SessionManager


@contextlib.contextmanager
def killed_before_its_last_sync() -> Iterator[None]:
    """What is done in here looks as that of a process which never got to sync data or names.

    New files are synced before they are renamed, so theirs is not the last sync.
    """
    real = os.fsync

    def files_only(descriptor: int) -> None:
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            real(descriptor)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fdatasync", lambda descriptor: None)
        patched.setattr(os, "fsync", files_only)
        yield


def check_power_loss(
    prepare: Callable[[Path], object],
    live: Callable[[Path], object],
    look: Callable[[Path], Any],
    *,
    during: Sequence[Any],
    after: Any,
) -> None:
    """Look at every image that a power loss may leave, during a life and after it.

    during: what may be seen if the power fails before the end; `after` may be, too.
    """
    with Workspace() as workspace:
        root = Path(workspace.path) / "sessions"
        root.mkdir()
        prepare(root)
        with Recorder(root) as recorder:
            number = recorder.began("live", {})
            live(root)
            recorder.acknowledged(number)
        states = CrashStates(recorder.trace(), POSIX)
        seen = []
        for state in states:
            clear(str(root))
            materialise(state.image, str(root))
            seen.append(look(root))
            assert seen[-1] == after or (state.epoch < 2 and seen[-1] in during), state
        assert states.coverage.complete
        assert after in seen


def add_killed(directory: Path, content: str) -> None:
    store = JSONLStore(directory)
    with killed_before_its_last_sync():
        store.add_message("k", "user", content)
    store.close()


def look(directory: Path) -> list[Any]:
    unhinder(directory)
    ((found, _),) = shown(directory, "k")
    return found


@pytest.mark.parametrize("keep_last", [3, 1])
def test_a_message_that_is_said_to_be_held_is_durable_first(keep_last: int) -> None:
    def prepare(directory: Path) -> None:
        with JSONLStore(directory) as store:
            store.add_message("k", "user", "0")
        hinder(directory)

    def live(directory: Path) -> None:
        add_killed(directory, "1")
        store = start(directory)
        assert contents(store, "k") == ["0", "1"]
        store.add_message("k", "user", "2")
        store.truncate_history("k", keep_last)
        store.save("k")

    after = ["0", "1", "2"][3 - keep_last :]
    check_power_loss(prepare, live, look, during=[["0"], ["0", "1"]], after=after)


def test_a_rewrite_whose_result_is_said_to_be_held_is_durable_first() -> None:
    def prepare(directory: Path) -> None:
        with JSONLStore(directory) as store:
            store.set_history("k", [{"content": "0"}, {"content": "1"}])
        hinder(directory)

    def live(directory: Path) -> None:
        killed = JSONLStore(directory)
        with killed_before_its_last_sync():
            killed.truncate_history("k", 1)
        killed.close()
        store = start(directory)
        assert contents(store, "k") == ["1"]
        store.add_message("k", "user", "2")
        store.save("k")

    check_power_loss(prepare, live, look, during=[["0", "1"], ["1"]], after=["1", "2"])


@pytest.mark.parametrize("elsewhere", [False, True], ids=["", "elsewhere"])
@pytest.mark.parametrize("emptied", [False, True], ids=["cut", "emptied"])
def test_a_file_that_is_migrated_is_durable_first(emptied: bool, elsewhere: bool) -> None:
    def files(directory: Path) -> Path:
        return directory / "legacy" if elsewhere else directory

    def prepare(directory: Path) -> None:
        legacy(files(directory), "k", "0", "1", summary="old")
        JSONLStore(directory).close()

    def live(directory: Path) -> None:
        manager = SessionManager(files(directory))
        manager.truncate_history("k", 0 if emptied else 1)
        manager.set_summary("k", "new")
        with killed_before_its_last_sync():
            manager.save("k")
        manager.close()
        with JSONLStore(directory) as store:
            migrate_legacy(store, files(directory))

    def look(directory: Path) -> tuple[Any, str]:
        with JSONLStore(directory) as store:
            migrate_legacy(store, files(directory))
            messages = store.get_history("k")
            return [message["content"] for message in messages], store.get_summary("k")

    check_power_loss(
        prepare,
        live,
        look,
        during=[(["0", "1"], "old")],
        after=([] if emptied else ["1"], "new"),
    )


def test_a_save_upon_one_that_was_killed_is_all_there() -> None:
    def prepare(directory: Path) -> None:
        legacy(directory, "k", "0")

    def live(directory: Path) -> None:
        killed = SessionManager(directory)
        with killed_before_its_last_sync():
            killed.add_message("k", "user", "1")
            killed.save("k")
            killed.add_message("new", "user", "1")
            killed.save("new")
        killed.close()
        manager = SessionManager(directory)
        for key in ("k", "new"):
            manager.add_message(key, "user", "2")
            manager.save(key)
        manager.close()

    def look(directory: Path) -> list[Any]:
        with SessionManager(directory) as manager:
            return [contents(manager, key) for key in ("k", "new")]

    during = [[k, new] for k in (["0"], ["0", "1"], ["0", "1", "2"]) for new in ([], ["1"])]
    check_power_loss(prepare, live, look, during=during, after=[["0", "1", "2"], ["1", "2"]])
