"""Real kills: exactly the bytes of the point are left, and nothing else is."""

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tornwrite.faults.kills import (
    KillPoint,
    KillTimeout,
    NotReached,
    WorkloadFailed,
    kill_points,
    run_and_kill,
)
from tornwrite.faults.offspring import children
from tornwrite.faults.recorder import Recorder, RecorderActive
from tornwrite.faults.steps import Close, Fsync, Mkdir, Open, Step, Write
from tornwrite.faults.trace import Acknowledged, Began, Failed, Stepped

LINES = (b"first line\n", b"second line\n")


def append_lines(recorder: Recorder, root: Path) -> None:
    for line in LINES:
        number = recorder.began("append", {"line": line})
        with open(root / "log", "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        recorder.acknowledged(number, len(line))


def recorded(root: Path) -> list[Step]:
    root.mkdir()
    with Recorder(root) as recorder:
        append_lines(recorder, root)
    return recorder.trace().steps


def content_at(steps: list[Step], point: KillPoint) -> bytes | None:
    done = steps[: point.step + (point.moment == "after")]
    whole = b"".join(step.data for step in done if isinstance(step, Write))
    under_way = steps[point.step]
    part = under_way.data[: point.keep] if isinstance(under_way, Write) else b""
    if not any(isinstance(step, Open) for step in done):
        return None
    return whole + (part if point.moment == "during" else b"")


def test_each_kill_leaves_exactly_what_was_done_by_then(tmp_path: Path) -> None:
    steps = recorded(tmp_path / "recorded")
    points = kill_points(steps, every_byte=True)
    assert len(points) == 1 + len(steps) + sum(len(line) - 1 for line in LINES)
    for index, point in enumerate(points):
        root = tmp_path / str(index)
        root.mkdir()
        killed = run_and_kill(lambda recorder, root=root: append_lines(recorder, root), root, point)
        log = root / "log"
        expected = content_at(steps, point)
        assert (log.read_bytes() if log.exists() else None) == expected, point
        seen = [event.step for event in killed.events if isinstance(event, Stepped)]
        written = b"".join(step.data for step in seen if isinstance(step, Write))
        assert written == (expected or b""), point


def test_acknowledgements_up_to_the_kill_are_known(tmp_path: Path) -> None:
    def workload(recorder: Recorder) -> None:
        append_lines(recorder, tmp_path)

    killed = run_and_kill(workload, tmp_path, KillPoint(5, "before"))
    told = [event for event in killed.events if not isinstance(event, Stepped)]
    assert told == [
        Began(0, "append", {"line": LINES[0]}),
        Acknowledged(0, len(LINES[0])),
        Began(1, "append", {"line": LINES[1]}),
    ]


def test_more_events_than_a_pipe_holds_arrive(tmp_path: Path) -> None:
    def workload(recorder: Recorder) -> None:
        for _ in range(30):
            recorder.failed(recorder.began("big", {"data": "x" * 100_000}), "no")
        os.mkdir(tmp_path / "d")

    killed = run_and_kill(workload, tmp_path, KillPoint(0, "after"))
    assert sum(isinstance(event, Failed) for event in killed.events) == 30
    assert isinstance(killed.events[-1], Stepped)


def test_a_point_that_does_not_come_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        NotReached, match=r"before step 9 was not reached: .* after 1 steps"
    ) as caught:
        run_and_kill(lambda recorder: os.mkdir(tmp_path / "d"), tmp_path, KillPoint(9, "before"))
    assert len(caught.value.events) == 1


def fail_to_work(recorder: Recorder) -> None:
    raise KeyError("the workload's own trouble")


def test_an_exception_in_the_workload_comes_with_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match=r"(?s)in fail_to_work.*the workload's own trouble"):
        run_and_kill(fail_to_work, tmp_path, KillPoint(0, "before"))
    with pytest.raises(WorkloadFailed, match="SystemExit"):
        run_and_kill(lambda recorder: sys.exit(3), tmp_path, KillPoint(0, "before"))


def test_arguments_that_cannot_be_sent_are_the_workload_s_failure(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="pickle"):
        run_and_kill(
            lambda recorder: recorder.acknowledged(recorder.began("x", {"f": lambda: 0})),
            tmp_path,
            KillPoint(0, "before"),
        )


@pytest.mark.parametrize(
    ("how", "said"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGTERM, "SIGTERM")]
)
def test_another_death_is_not_taken_for_the_kill(
    tmp_path: Path, how: signal.Signals, said: str
) -> None:
    def workload(recorder: Recorder) -> None:
        os.mkdir(tmp_path / "d")
        os.kill(os.getpid(), how)

    with pytest.raises(WorkloadFailed, match=rf"ended by itself \(signal {said}\) after 1 steps"):
        run_and_kill(workload, tmp_path, KillPoint(5, "after"))


def test_an_exit_behind_the_recorder_s_back_is_not_taken_for_the_kill(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match="exit code 0"):
        run_and_kill(lambda recorder: os._exit(0), tmp_path, KillPoint(0, "before"))


def test_a_workload_that_waits_is_ended_in_time(tmp_path: Path) -> None:
    def workload(recorder: Recorder) -> None:
        os.mkdir(tmp_path / "d")
        time.sleep(60)

    before = time.monotonic()
    with pytest.raises(KillTimeout, match=r"within 0\.2 s, 1 steps were done"):
        run_and_kill(workload, tmp_path, KillPoint(1, "before"), timeout_s=0.2)
    assert time.monotonic() - before < 10
    assert not children()


def test_what_the_subject_started_is_gone_wherever_it_went(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    pids = tmp_path / "pids"

    def workload(recorder: Recorder) -> None:
        for away in (False, True):
            sleeper = subprocess.Popen(["sleep", "60"], start_new_session=away)
            with open(pids, "a") as out:
                print(sleeper.pid, file=out)
        # A daemon: its parent ends, its session is its own, and it holds on to the event pipe.
        if os.fork() == 0:
            os.setsid()
            grandchild = os.fork()
            if grandchild == 0:
                time.sleep(60)
            with open(pids, "a") as out:
                print(grandchild, file=out)
            os._exit(0)
        os.wait()
        os.mkdir(tmp_path / "root" / "d")

    run_and_kill(workload, tmp_path / "root", KillPoint(0, "after"))
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 3
    assert not any(psutil.pid_exists(pid) for pid in started)
    assert not children()


def test_children_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    own = subprocess.Popen(["sleep", "60"])
    try:
        run_and_kill(lambda recorder: os.mkdir(tmp_path / "d"), tmp_path, KillPoint(0, "before"))
        assert own.poll() is None
    finally:
        own.kill()
        own.wait()


def test_nothing_leaks_into_the_caller(tmp_path: Path) -> None:
    point = KillPoint(0, "before")
    run_and_kill(lambda recorder: os.mkdir(tmp_path / "d"), tmp_path, point)
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run_and_kill(lambda recorder: os.mkdir(tmp_path / "d"), tmp_path, point)
        with pytest.raises(NotReached):
            run_and_kill(lambda recorder: None, tmp_path, point)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert not children()


def test_handlers_and_buffers_of_the_caller_do_not_run_in_the_child(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def handler(number: int, frame: object) -> None:
        print("handled", flush=True)

    def at_exit() -> None:
        print("left", flush=True)

    def workload(recorder: Recorder) -> None:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, handler)
    atexit.register(at_exit)
    try:
        with capfd.disabled():
            pass
        sys.stdout.write("buffered once\n")
        with pytest.raises(WorkloadFailed, match="SIGUSR1"):
            run_and_kill(workload, tmp_path, KillPoint(0, "before"))
    finally:
        atexit.unregister(at_exit)
        signal.signal(signal.SIGUSR1, previous)
    assert capfd.readouterr().out == "buffered once\n"


def test_threads_of_the_caller_make_no_warning(tmp_path: Path) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        run_and_kill(lambda recorder: os.mkdir(tmp_path / "d"), tmp_path, KillPoint(0, "after"))
    finally:
        stop.set()
        thread.join()


def test_a_recorded_process_does_not_kill(tmp_path: Path) -> None:
    with Recorder(tmp_path), pytest.raises(RecorderActive, match="outside of it"):
        run_and_kill(lambda recorder: None, tmp_path, KillPoint(0, "before"))


def test_kill_points_cut_writes_at_their_edges_and_sectors() -> None:
    steps: list[Step] = [
        Open(1, "a", create=True),
        Write(1, 500, b"x" * 1100),
        Write(1, None, b"y" * 600),
        Write(1, 0, b"z"),
        Fsync(1),
        Close(1),
        Mkdir("d"),
    ]
    points = kill_points(steps)
    cuts = {
        step: [p.keep for p in points if p.step == step and p.moment == "during"]
        for step in range(7)
    }
    assert cuts == {
        0: [],
        1: [1, 12, 524, 550, 1036, 1099],
        2: [1, 300, 512, 599],
        3: [],
        4: [],
        5: [],
        6: [],
    }
    assert points[0] == KillPoint(0, "before")
    # A sync and a close leave what the write before them left.
    assert [p.step for p in points if p.moment == "after"] == [0, 1, 2, 3, 6]
    every = kill_points(steps, every_byte=True)
    assert [p.step for p in every if p.moment == "after"] == list(range(7))
    assert kill_points([Open(1, "a")]) == [KillPoint(0, "before")]
    assert sum(p.moment == "before" for p in points) == 1
    assert kill_points([]) == []
