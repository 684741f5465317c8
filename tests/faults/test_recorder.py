"""The recorder itself: what it leaves alone, refuses, and notices that it missed."""

import builtins
import contextlib
import fcntl
import io
import mmap
import os
import posix
import shutil
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.faults.recorder import Recorder, RecorderActive, RecorderBlind, UnknownStep
from tornwrite.faults.steps import Close, Fsync, Mkdir, Open, Write
from tornwrite.faults.trace import Acknowledged, Began, Failed, Restarted, Stepped

early_rename = os.rename
early_fsync = os.fsync


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def state_of_the_world() -> list[object]:
    names = {module: dict(vars(module)) for module in (os, posix, io, builtins, fcntl, mmap)}
    sets = [set(found) for found in (os.supports_dir_fd, os.supports_fd)]
    closer = tempfile._TemporaryFileCloser  # type: ignore[attr-defined]
    defaults = [getattr(found, "__defaults__", None) for found in vars(closer).values()]
    return [names, sets, defaults, early_rename]


def test_everything_is_put_back(root: Path) -> None:
    before = state_of_the_world()
    with Recorder(root):
        assert state_of_the_world() != before
    assert state_of_the_world() == before
    with pytest.raises(KeyError), Recorder(root):
        raise KeyError
    assert state_of_the_world() == before


def test_programs_that_ask_what_a_call_can_do_get_the_same_answer(root: Path) -> None:
    def answers() -> list[bool]:
        calls = (os.open, os.unlink, os.rmdir, os.mkdir, os.rename, os.truncate, os.fsync)
        return [call in asked for call in calls for asked in (os.supports_dir_fd, os.supports_fd)]

    expected = answers()
    with Recorder(root):
        assert answers() == expected
    assert True in expected


def test_a_module_imported_meanwhile_gets_the_originals_back(root: Path) -> None:
    module = types.ModuleType("imported_while_recording")
    original = os.fsync
    try:
        with Recorder(root):
            exec("from os import fsync", module.__dict__)
            sys.modules[module.__name__] = module
            assert module.fsync is not original
        assert module.fsync is original
    finally:
        del sys.modules[module.__name__]


def test_nothing_outside_the_root_is_recorded(root: Path, tmp_path: Path) -> None:
    with Recorder(root) as recorder:
        (tmp_path / "rooted").mkdir()
        (tmp_path / "a").write_text("x")
        with open(tmp_path / "a", "r+b", 0) as file:
            file.write(b"y")
            file.truncate(0)
            os.fsync(file)
        os.rename(tmp_path / "a", tmp_path / "b")
        os.link(tmp_path / "b", tmp_path / "c")
        os.symlink("b", tmp_path / "d")
        os.truncate(tmp_path / "b", 3)
        os.mkfifo(tmp_path / "e")
        with tempfile.TemporaryFile(dir=tmp_path) as nameless:
            nameless.write(b"x")
        shutil.copyfile(tmp_path / "b", tmp_path / "f")
        folder = os.open(tmp_path, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        shutil.rmtree(tmp_path / "rooted")
        assert (root / "..").exists()
        (tmp_path / "back out").symlink_to("c")
        (tmp_path / "back out").write_text("through a link")
    assert recorder.trace().steps == []


def test_the_base_is_what_was_there_at_the_start(root: Path) -> None:
    (root / "a").write_bytes(b"before")
    with Recorder(root) as recorder:
        (root / "a").write_bytes(b"after")
    assert recorder.trace().base == (("a", b"before"),)
    with Recorder(root, base=(("b", None),)) as recorder:
        pass
    assert recorder.trace().base == (("b", None),)


def test_operations_stand_among_the_steps(root: Path) -> None:
    with Recorder(root) as recorder:
        first = recorder.began("make", {"name": "d"})
        os.mkdir(root / "d")
        recorder.acknowledged(first, "made")
        recorder.restarted()
        second = recorder.began("fail", {})
        recorder.failed(second, "no")
        with pytest.raises(ValueError, match="no operation 2 began"):
            recorder.acknowledged(2)
    events = [event.step if isinstance(event, Stepped) else event for event in recorder.events]
    assert events == [
        Began(0, "make", {"name": "d"}),
        Mkdir("d"),
        Acknowledged(0, "made"),
        Restarted(),
        Began(1, "fail", {}),
        Failed(1, "no"),
    ]


def test_sites_are_the_callers_lines_and_no_library_s(root: Path) -> None:
    def inner() -> None:
        (root / "a").write_text("x")

    def outer() -> None:
        inner()

    with Recorder(root) as recorder:
        outer()
    for event in recorder.events:
        assert isinstance(event, Stepped)
        functions = [site.function.rpartition(".")[2] for site in event.sites]
        assert functions[:3] == [
            "inner",
            "outer",
            "test_sites_are_the_callers_lines_and_no_library_s",
        ]
        assert len(functions) <= 6
        assert event.sites[0].file.endswith("test_recorder.py")
        assert event.sites[0].line == inner.__code__.co_firstlineno + 1
        assert not any("pathlib" in site.file for site in event.sites)


def test_threads_are_recorded_in_the_order_of_their_calls(root: Path) -> None:
    descriptor = -1
    with Recorder(root) as recorder:
        descriptor = os.open(root / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def work(mark: bytes) -> None:
            for _ in range(200):
                os.write(descriptor, mark)

        threads = [threading.Thread(target=work, args=(mark,)) for mark in (b"a", b"b", b"c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.close(descriptor)
    written = b"".join(step.data for step in recorder.trace().steps if isinstance(step, Write))
    assert written == (root / "log").read_bytes()
    assert len(written) == 600


def test_names_taken_from_os_before_are_recorded_as_well(root: Path) -> None:
    with Recorder(root) as recorder:
        with open(root / "a", "wb") as file:
            early_fsync(file.fileno())
        early_rename(root / "a", root / "b")
    assert [type(step).__name__ for step in recorder.trace().steps] == [
        "Open", "Fsync", "Close", "Rename",
    ]  # fmt: skip


def hidden(call: Callable[..., object]) -> Callable[..., object]:
    """A call that only a closure holds: no module shows it."""
    return lambda *arguments, **named: call(*arguments, **named)


BYPASSES: dict[
    str, tuple[Callable[..., object], Callable[[Callable[..., object], Path], object]]
] = {
    "os.rename": (hidden(os.rename), lambda call, root: call(root / "there", root / "b")),
    "os.remove": (hidden(os.unlink), lambda call, root: call(root / "there")),
    "os.mkdir": (hidden(os.mkdir), lambda call, root: call(root / "d")),
    "os.rmdir": (hidden(os.rmdir), lambda call, root: call(root / "empty")),
    "os.link": (hidden(os.link), lambda call, root: call(root / "there", root / "b")),
    "os.symlink": (hidden(os.symlink), lambda call, root: call("x", root / "b")),
    "os.truncate": (hidden(os.truncate), lambda call, root: call(root / "there", 0)),
    "open": (hidden(open), lambda call, root: call(root / "there", "w").close()),  # type: ignore[attr-defined]
}


@pytest.mark.parametrize("event", BYPASSES)
def test_a_hidden_call_makes_the_recorder_blind_and_it_says_so(root: Path, event: str) -> None:
    (root / "there").touch()
    (root / "empty").mkdir()
    call, use = BYPASSES[event]
    recorder = Recorder(root)
    with pytest.raises(RecorderBlind, match=f"^{event} on "), recorder:
        use(call, root)
    with pytest.raises(RecorderBlind, match="did not come through"):
        recorder.trace()


def test_a_hidden_call_outside_the_root_is_nobody_s_business(root: Path, tmp_path: Path) -> None:
    with Recorder(root) as recorder:
        BYPASSES["os.mkdir"][0](tmp_path / "d")
    assert recorder.trace().steps == []


def test_blindness_does_not_hide_the_programs_own_error(root: Path) -> None:
    with pytest.raises(KeyError) as caught, Recorder(root):  # noqa: PT012 - a block's error
        BYPASSES["os.mkdir"][0](root / "d")
        raise KeyError("own")
    assert "not to be trusted: os.mkdir on d" in caught.value.__notes__[0]


def test_a_file_closed_behind_its_back_is_noticed(root: Path) -> None:
    close = hidden(os.close)
    recorder = Recorder(root)
    with pytest.raises(RecorderBlind, match=r"closed descriptor \d+ \(a\)"), recorder:  # noqa: PT012
        descriptor = os.open(root / "a", os.O_WRONLY | os.O_CREAT)
        close(descriptor)
        again = os.open(root, os.O_RDONLY)
        assert again == descriptor
        os.close(again)


def test_a_file_open_before_is_refused(root: Path) -> None:
    with open(root / "a", "w"), pytest.raises(RecorderBlind, match="a is already open for writing"):
        Recorder(root).__enter__()
    assert not Recorder.active()


def test_a_call_replaced_before_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    with pytest.raises(RecorderBlind, match=r"os\.fsync was replaced"):
        Recorder(root).__enter__()


def test_one_recorder_at_a_time(root: Path) -> None:
    with Recorder(root), pytest.raises(RecorderActive, match="already at work"):
        Recorder(root).__enter__()
    with Recorder(root) as recorder:
        pass
    with pytest.raises(RecorderActive, match="make a new one"):
        recorder.__enter__()


def test_a_trace_of_a_recorder_that_never_ran_is_refused(root: Path) -> None:
    with pytest.raises(RuntimeError, match="never started"):
        Recorder(root).trace()


def splice_it(root: Path) -> None:
    source, sink = os.pipe()
    try:
        with open(root / "there", "wb") as file:
            os.splice(source, file.fileno(), 10)
    finally:
        os.close(source)
        os.close(sink)


def clone_it(root: Path) -> None:
    with open(root / "there", "wb") as file:
        fcntl.ioctl(file.fileno(), 0x40049409, 0)


def sync_what_is_gone(root: Path) -> None:
    with open(root / "there", "rb") as file:
        os.unlink(root / "there")
        os.fsync(file.fileno())


UNKNOWN: dict[str, Callable[[Path], object]] = {
    "O_DIRECT on a": lambda root: os.open(root / "a", os.O_WRONLY | os.O_CREAT | os.O_DIRECT),
    "mkfifo a": lambda root: os.mkfifo(root / "a"),
    "mknod a": lambda root: os.mknod(root / "a"),
    "splice into there": splice_it,
    "ioctl FICLONE on there": clone_it,
    "lost its name": sync_what_is_gone,
    "moved out of": lambda root: os.rename(root / "there", root.parent / "away"),
    "moved into": lambda root: os.replace(root.parent / "outside", root / "a"),
    "link .* moved out of": lambda root: os.link(root / "there", root.parent / "away"),
    "the source is a symbolic link": lambda root: os.link(root / "symlink", root / "a"),
    "is or holds the recorded root": lambda root: os.rename(root, root.parent / "away"),
    "holds the recorded root": lambda root: os.rename(root.parent, root.parent.parent / "away"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_step_not_understood_is_named_and_not_done(root: Path, name: str) -> None:
    (root / "there").write_bytes(b"x")
    (root / "symlink").symlink_to("there")
    (root.parent / "outside").touch()
    with pytest.raises(UnknownStep, match=name), Recorder(root):
        UNKNOWN[name](root)
    assert root.is_dir()
    assert not (root / "a").exists()
    assert not (root.parent / "away").exists()


def test_a_program_that_catches_a_step_not_understood_has_spoilt_its_recording(
    root: Path,
) -> None:
    def go_on_regardless() -> None:
        with Recorder(root), pytest.raises(UnknownStep):
            os.mkfifo(root / "a")

    with pytest.raises(RecorderBlind, match=r"mkfifo.*the program went on"):
        go_on_regardless()
    with Recorder(root) as recorder:
        (root / "b").touch()
    assert len(recorder.trace().steps) == 2


def test_the_root_can_be_refused_removal_but_not_removed(root: Path) -> None:
    with Recorder(root) as recorder:
        (root / "a").touch()
        with pytest.raises(OSError, match="not empty"):
            os.rmdir(root)
        os.unlink(root / "a")
    assert len(recorder.trace().steps) == 3
    with pytest.raises(UnknownStep, match="rmdir of the recorded root"), Recorder(root):
        os.rmdir(root)


def test_mappings_that_do_not_write_are_fine(root: Path) -> None:
    with Recorder(root) as recorder, open(root / "a", "w+b") as file:
        file.write(b"content")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert isinstance(mapped, mmap.mmap)
            assert mapped[:] == b"content"
        with mmap.mmap(-1, 10) as memory:
            memory[:3] = b"abc"
    assert [type(step) for step in recorder.trace().steps] == [Open, Write, Close]


def test_a_forked_child_is_told_that_it_is_not_recorded_and_so_is_the_parent(root: Path) -> None:
    source, sink = os.pipe()

    def record() -> None:
        with Recorder(root):
            inherited = os.open(root / "a", os.O_WRONLY | os.O_CREAT)
            pid = os.fork()
            if pid == 0:
                try:
                    os.close(inherited)
                    os.mkdir(root / "d")
                except UnknownStep as error:
                    os.write(sink, str(error).encode())
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            os.fsync(inherited)
            os.close(inherited)

    with pytest.raises(RecorderBlind, match="mkdir d in a forked child"):
        record()
    os.close(sink)
    with open(source, "rb") as pipe:
        assert b"mkdir d in a forked child" in pipe.read()
    assert not (root / "d").exists()


def test_listeners_hear_each_event_as_it_happens(root: Path) -> None:
    heard: list[tuple[str, bool]] = []

    def listen(event: object) -> None:
        heard.append((type(event).__name__, (root / "d").exists()))

    with Recorder(root, on_event=listen) as recorder:
        number = recorder.began("make", {})
        os.mkdir(root / "d")
        recorder.acknowledged(number)
    assert heard == [("Began", False), ("Stepped", True), ("Acknowledged", True)]


def test_other_users_of_a_patched_name_keep_their_patch(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    original = os.fsync
    with Recorder(root) as recorder:
        interposed = os.fsync

        def counted(descriptor: int) -> None:
            calls.append(descriptor)
            interposed(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", counted)
            with open(root / "a", "wb") as file:
                os.fsync(file.fileno())
    assert len(calls) == 1
    assert Fsync(1) in recorder.trace().steps
    assert os.fsync is original


def test_running_out_of_descriptors_hides_nothing(root: Path) -> None:
    (root / "a").touch()
    taken: list[int] = []
    with Recorder(root) as recorder:
        import resource

        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(0))
            os.rename(root / "a", root / "b")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            for descriptor in taken:
                os.close(descriptor)
    assert len(recorder.trace().steps) == 1
