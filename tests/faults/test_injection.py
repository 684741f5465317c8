"""What an injector decides is what happens, and what is recorded."""

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tornwrite.faults.injection import AtStep, Decision, Fail, Kill, Omit, Proceed, Short, check
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import Close, Fsync, Mkdir, Open, Rename, Step, SyncAll, Write


@dataclass
class Asked:
    """Lets all proceed and remembers what it was asked."""

    calls: list[tuple[int, Step]] = field(default_factory=list)

    def decide(self, number: int, step: Step) -> Decision:
        self.calls.append((number, step))
        return Proceed()


@dataclass
class Leaving:
    """Leaves out all barriers."""

    def decide(self, number: int, step: Step) -> Decision:
        return Omit() if isinstance(step, Fsync | SyncAll) else Proceed()


def append(root: Path) -> None:
    with open(root / "log", "ab", buffering=0) as file:
        file.write(b"0123456789")
        os.fsync(file.fileno())


def test_each_step_is_asked_about_as_it_would_be_recorded(tmp_path: Path) -> None:
    asked = Asked()
    with Recorder(tmp_path, injector=asked) as recorder:
        append(tmp_path)
        os.rename(tmp_path / "log", tmp_path / "old")
    assert asked.calls == list(enumerate(recorder.trace().steps))


def test_calls_bound_to_fail_are_not_asked_about(tmp_path: Path) -> None:
    asked = Asked()
    (tmp_path / "d").mkdir()
    with Recorder(tmp_path, injector=asked):
        os.makedirs(tmp_path / "d", exist_ok=True)
        (tmp_path / "missing").unlink(missing_ok=True)
        for call in (
            lambda: os.rename(tmp_path / "missing", tmp_path / "b"),
            lambda: os.open(tmp_path / "d", os.O_WRONLY),
            lambda: os.open(tmp_path / "missing", os.O_WRONLY),
            lambda: os.symlink("x", tmp_path / "d"),
        ):
            with pytest.raises(OSError, match=str(tmp_path)):
                call()
    assert asked.calls == []


def test_a_failed_write_writes_nothing_and_tells_the_program(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(1, Fail(errno.ENOSPC))) as recorder:
        with pytest.raises(OSError, match="No space") as caught:
            append(tmp_path)
        assert caught.value.errno == errno.ENOSPC
        append(tmp_path)
    assert (tmp_path / "log").read_bytes() == b"0123456789"
    kinds = [type(step) for step in recorder.trace().steps]
    assert kinds == [Open, Close, Open, Write, Fsync, Close]


def test_a_failed_flush_keeps_the_buffer_as_for_a_real_error(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(1, Fail(errno.EIO))):
        file = open(tmp_path / "a", "w")  # noqa: SIM115
        file.write("kept")
        with pytest.raises(OSError, match="Input/output"):
            file.flush()
        file.close()
    assert (tmp_path / "a").read_text() == "kept"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda root: os.mkdir(root / "d"), "d"),
        (lambda root: os.rename(root / "there", root / "b"), "there"),
        (lambda root: os.unlink(root / "there"), "there"),
        (lambda root: (root / "there").write_text("y"), "there"),
        (lambda root: os.symlink("x", root / "s"), "s"),
        (lambda root: os.link(root / "there", root / "s"), "there"),
    ],
)
def test_failed_calls_on_names_say_which_and_change_nothing(
    tmp_path: Path, call: Callable[[Path], object], name: str
) -> None:
    (tmp_path / "there").write_text("x")
    with (
        Recorder(tmp_path, injector=AtStep(0, Fail(errno.EROFS))) as recorder,
        pytest.raises(OSError, match="Read-only") as caught,
    ):
        call(tmp_path)
    assert os.fspath(caught.value.filename) == str(tmp_path / name)
    assert recorder.trace().steps == []
    assert os.listdir(tmp_path) == ["there"]


def test_a_failed_close_closes_all_the_same(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(1, Fail(errno.EIO))) as recorder:
        descriptor = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="Input/output"):
            os.close(descriptor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    assert recorder.trace().steps == [Open(1, "a", create=True), Close(1)]


@pytest.mark.parametrize("keep", [1, 4, 10])
def test_a_short_write_is_a_success_of_fewer_bytes(tmp_path: Path, keep: int) -> None:
    def write(call: Callable[[int, bytes], int]) -> None:
        with Recorder(tmp_path, injector=AtStep(1, Short(keep))) as recorder:
            descriptor = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            assert call(descriptor, b"0123456789") == keep
            os.close(descriptor)
        assert recorder.trace().steps[1] == Write(1, 0, b"0123456789"[:keep])
        assert (tmp_path / "a").read_bytes() == b"0123456789"[:keep]

    write(lambda descriptor, data: os.write(descriptor, data))
    write(lambda descriptor, data: os.writev(descriptor, [data[:3], data[3:]]))
    write(lambda descriptor, data: os.pwrite(descriptor, data, 0))
    write(lambda descriptor, data: os.pwritev(descriptor, [data], 0))


def test_buffers_make_up_for_short_writes_as_they_do_for_real_ones(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(1, Short(4))) as recorder:
        (tmp_path / "a").write_bytes(b"0123456789")
    assert [step for step in recorder.trace().steps if isinstance(step, Write)] == [
        Write(1, 0, b"0123"),
        Write(1, 4, b"456789"),
    ]


def test_barriers_can_be_left_out(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=Leaving()) as recorder:
        append(tmp_path)
        os.sync()
    assert [type(step) for step in recorder.trace().steps] == [Open, Write, Close]


def test_what_is_left_out_still_counts(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(0, Omit())) as recorder:
        os.sync()
        os.mkdir(tmp_path / "d")
    assert recorder.trace().steps == [Mkdir("d")]


@pytest.mark.parametrize(
    ("decision", "step", "message"),
    [
        (Omit(), Mkdir("d"), "mkdir d cannot be left out"),
        (Omit(), Write(1, 0, b"x"), "cannot be left out"),
        (Short(1), Fsync(1), "only a write can be cut"),
        (Short(0), Write(1, 0, b"x"), "keep 1 to 1 bytes"),
        (Short(2), Write(1, 0, b"x"), "keep 1 to 1 bytes"),
        (Kill("during", 2), Write(1, 0, b"x"), "keep 0 to 1 bytes"),
        (Kill("during"), Rename("a", "b"), "only a write can be cut"),
        (Fail(0), Mkdir("d"), "no such error number"),
        (Fail(99999), Mkdir("d"), "no such error number"),
    ],
)
def test_decisions_that_do_not_fit_are_refused(
    decision: Decision, step: Step, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        check(decision, step)


def test_a_decision_that_does_not_fit_leaves_the_step_undone(tmp_path: Path) -> None:
    with (
        Recorder(tmp_path, injector=AtStep(0, Omit())),
        pytest.raises(ValueError, match="cannot be left out"),
    ):
        os.mkdir(tmp_path / "d")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("decision", "left"),
    [
        (Kill("before"), b""),
        (Kill("during", 0), b""),
        (Kill("during", 7), b"0123456"),
        (Kill("during", 10), b"0123456789"),
        (Kill("after"), b"0123456789"),
    ],
)
def test_a_kill_is_sigkill_with_so_many_bytes_done(
    tmp_path: Path, decision: Decision, left: bytes
) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            with Recorder(tmp_path, injector=AtStep(1, decision)):
                append(tmp_path)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert (tmp_path / "log").read_bytes() == left
