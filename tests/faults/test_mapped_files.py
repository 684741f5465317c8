"""Files mapped to memory by the recorded process: stores are steps, calls beside them are not."""

import gc
import mmap
import os
import threading
from errno import EIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornwrite.faults.images import read_image
from tornwrite.faults.injection import AtStep, Fail
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.kills import kill_points, run_and_kill
from tornwrite.faults.mapped_files import differences
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Open,
    SetSize,
    Store,
    Unlink,
    Write,
)
from tornwrite.faults.trace import Stepped, Trace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "f").write_bytes(b"0123456789")
    return folder


def mapped(root: Path, length: int = 0, name: str = "f") -> mmap.mmap:
    with open(root / name, "r+b") as file:
        return mmap.mmap(file.fileno(), length)


def follows(trace: Trace, root: Path) -> bool:
    """Whether what is on the disk is what the steps leave."""
    seen = Interpreter(trace.base)
    for index, step in enumerate(trace.steps):
        seen.apply(index, step)
    return seen.image() == read_image(str(root))


def test_a_store_is_a_step_before_the_next_call(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        memory[2:4] = b"ab"
        (root / "g").touch()
        memory[4:5] = b"c"
        memory.flush()
        memory.close()
    assert recorder.trace().steps == [
        Open(1, "f"),
        Store(1, 2, b"ab"),
        Open(2, "g", create=True),
        Close(2),
        Store(1, 4, b"c"),
        Fsync(1, True, 0, 10),
        Close(1),
    ]
    assert follows(recorder.trace(), root)


def test_a_store_belongs_to_the_operation_in_which_it_was_made(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        for number in range(2):
            operation = recorder.began("put", {})
            memory[number : number + 1] = b"x"
            recorder.acknowledged(operation)
            memory[5 + number : 6 + number] = b"y"
    events = recorder.trace().events
    stores = [e for e in events if isinstance(e, Stepped) and isinstance(e.step, Store)]
    assert [event.operation for event in stores] == [0, None, 1, None]
    assert [type(event).__name__ for event in events[1:7]] == [
        "Began",
        "Stepped",
        "Acknowledged",
        "Stepped",
        "Began",
        "Stepped",
    ]


def test_a_failed_operation_has_stored_what_it_stored(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        number = recorder.began("put", {})
        memory[0:1] = b"x"
        recorder.failed(number, "no")
        memory[1:2] = b"y"
        recorder.restarted()
    kinds = [type(event).__name__ for event in recorder.trace().events]
    assert kinds == ["Stepped", "Began", "Stepped", "Failed", "Stepped", "Restarted"]


def test_what_is_stored_and_taken_back_between_two_calls_is_not_seen(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        memory[0:1] = b"x"
        memory[0:1] = b"0"
    assert recorder.trace().steps == [Open(1, "f")]


def test_each_page_is_a_step_of_its_own(root: Path) -> None:
    with Recorder(root) as recorder:
        os.truncate(root / "f", 3 * mmap.PAGESIZE)
        memory = mapped(root)
        memory[mmap.PAGESIZE - 1 : mmap.PAGESIZE + 1] = b"xy"
        memory[2 * mmap.PAGESIZE + 5 : 2 * mmap.PAGESIZE + 6] = b"z"
    assert recorder.trace().steps[-3:] == [
        Store(2, mmap.PAGESIZE - 1, b"x"),
        Store(2, mmap.PAGESIZE, b"y"),
        Store(2, 2 * mmap.PAGESIZE + 5, b"z"),
    ]


def test_calls_on_a_mapped_file_are_no_stores(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        with open(root / "f", "r+b", buffering=0) as file:
            file.write(b"W")
            memory[1:2] = b"s"
            file.truncate(5)
            file.truncate(12)
        with open(root / "f", "ab", buffering=0) as file:
            file.write(b"A")
        with open(root / "f", "wb", buffering=0) as file:
            file.write(b"new")
    trace = recorder.trace()
    assert [step for step in trace.steps if isinstance(step, Store)] == [Store(1, 1, b"s")]
    assert follows(trace, root)
    memory.close()


def test_a_call_on_another_file_changes_nothing_of_a_mapped_one(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        (root / "g").write_bytes(b"other")
        memory.flush()
    assert not any(isinstance(step, Store) for step in recorder.trace().steps)


def test_a_mapping_of_a_part_knows_where_it_is(root: Path) -> None:
    with Recorder(root) as recorder, open(root / "f", "r+b") as file:
        os.ftruncate(file.fileno(), 3 * mmap.PAGESIZE)
        with mmap.mmap(file.fileno(), mmap.PAGESIZE, 1, 3, 0, mmap.PAGESIZE) as memory:
            memory[1:2] = b"x"
            memory.flush()
            file.write(b"outside")
            file.flush()
            memory[2:3] = b"y"
    assert recorder.trace().steps[2:6] == [
        Store(1, mmap.PAGESIZE + 1, b"x"),
        Fsync(1, True, mmap.PAGESIZE, 2 * mmap.PAGESIZE),
        Write(1, 0, b"outside"),
        Store(1, mmap.PAGESIZE + 2, b"y"),
    ]
    assert follows(recorder.trace(), root)


def test_a_store_to_what_a_truncation_has_just_uncovered_is_a_step(root: Path) -> None:
    with Recorder(root) as recorder, open(root / "f", "r+b") as file:
        os.ftruncate(file.fileno(), 2 * mmap.PAGESIZE)
        memory = mmap.mmap(file.fileno(), 2 * mmap.PAGESIZE)
        os.ftruncate(file.fileno(), 5)
        os.ftruncate(file.fileno(), 2 * mmap.PAGESIZE)
        memory[7:8] = b"x"
        memory[5000:5001] = b"y"
    assert recorder.trace().steps[4:] == [Store(1, 7, b"x"), Store(1, 5000, b"y")]
    memory.close()


def test_a_file_that_shrank_under_its_mapping_is_looked_at_as_far_as_it_goes(root: Path) -> None:
    """What lies beyond must not be touched: the kernel would kill the process."""
    with Recorder(root) as recorder:
        os.truncate(root / "f", 2 * mmap.PAGESIZE)
        memory = mapped(root)
        os.truncate(root / "f", 3)
        memory[1:2] = b"x"
        os.truncate(root / "f", 2 * mmap.PAGESIZE)
        memory[mmap.PAGESIZE : mmap.PAGESIZE + 1] = b"y"
    assert follows(recorder.trace(), root)
    memory.close()


def test_two_mappings_of_one_file_tell_a_store_once(root: Path) -> None:
    with Recorder(root) as recorder:
        one, other = mapped(root), mapped(root)
        one[0:1] = b"x"
        other[1:2] = b"y"
        one.close()
        other[2:3] = b"z"
        other.close()
    stores = [step for step in recorder.trace().steps if isinstance(step, Store)]
    assert stores == [Store(1, 0, b"xy"), Store(2, 2, b"z")]


def test_a_mapped_file_is_closed_with_its_mapping(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        os.unlink(root / "f")
        memory[0:1] = b"x"
        memory.close()
        memory = None  # type: ignore[assignment]
        gc.collect()
    assert recorder.trace().steps == [Open(1, "f"), Unlink("f"), Store(1, 0, b"x"), Close(1)]


def test_a_mapping_that_is_dropped_is_closed(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        memory[0:1] = b"x"
        del memory
        gc.collect()
    assert recorder.trace().steps == [Open(1, "f"), Store(1, 0, b"x"), Close(1)]


def test_a_mapping_in_use_is_not_closed(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        with memoryview(memory), pytest.raises(BufferError):
            memory.close()
        memory.close()
        memory.close()
    assert recorder.trace().steps == [Open(1, "f"), Close(1)]


def test_resizing_a_mapping_resizes_its_file(root: Path) -> None:
    with Recorder(root) as recorder:
        memory = mapped(root)
        memory.resize(2 * mmap.PAGESIZE)
        memory[mmap.PAGESIZE : mmap.PAGESIZE + 1] = b"x"
    assert recorder.trace().steps == [
        Open(1, "f"),
        SetSize(1, 2 * mmap.PAGESIZE),
        Store(1, mmap.PAGESIZE, b"x"),
    ]
    assert follows(recorder.trace(), root)


def test_mappings_that_store_nothing_to_the_file_are_not_looked_at(root: Path) -> None:
    with Recorder(root) as recorder, open(root / "f", "r+b") as file:
        for access in (mmap.ACCESS_COPY, mmap.ACCESS_READ):
            mmap.mmap(file.fileno(), 0, access=access).close()
        private = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
        private[0:1] = b"x"
        nameless = mmap.mmap(-1, 100)
        nameless[0:1] = b"x"
        nameless.flush()
    assert recorder.trace().steps == [Open(1, "f"), Close(1)]


def test_a_flush_that_fails_is_a_failed_sync(root: Path) -> None:
    with Recorder(root, injector=AtStep(2, Fail(EIO))) as recorder:
        memory = mapped(root)
        memory[0:1] = b"x"
        with pytest.raises(OSError, match="Input/output"):
            memory.flush()
    assert recorder.trace().steps[1:] == [Store(1, 0, b"x"), FailedSync(1, data_only=True)]


def test_a_store_cannot_be_made_to_fail(root: Path) -> None:
    with Recorder(root, injector=AtStep(1, Fail(EIO))):
        memory = mapped(root)
        memory[0:1] = b"x"
        with pytest.raises(ValueError, match="does not fit store 1 B at 0"):
            (root / "g").touch()


def test_a_recorder_that_ends_with_a_store_that_does_not_fit_is_gone_all_the_same(
    root: Path,
) -> None:
    def work() -> None:
        with Recorder(root, injector=AtStep(1, Fail(EIO))):
            memory = mapped(root)
            memory[0:1] = b"x"

    with pytest.raises(ValueError, match="does not fit store 1 B at 0"):
        work()
    assert not Recorder.active()


def test_a_kill_after_a_store_leaves_it(root: Path) -> None:
    def work() -> None:
        memory = mapped(root)
        memory[0:1] = b"x"
        memory.flush()
        memory[1:2] = b"y"
        memory.flush()

    with Recorder(root) as recorder:
        work()
    trace = recorder.trace()
    points = kill_points(trace.steps)
    assert [(point.step, point.moment) for point in points] == [
        (0, "before"),
        (1, "after"),
        (3, "after"),
    ]
    for point in points:
        (root / "f").write_bytes(b"0123456789")
        killed = run_and_kill(lambda _: work(), str(root), point)
        done = [event.step for event in killed.events if isinstance(event, Stepped)]
        assert done == trace.steps[: point.step + (point.moment == "after")]
        assert follows(Trace(trace.base, killed.events), root)


def test_threads_store_beside_calls_and_nothing_is_lost(root: Path) -> None:
    with Recorder(root) as recorder:
        os.truncate(root / "f", 8 * mmap.PAGESIZE)
        memory = mapped(root)

        def work(number: int) -> None:
            for at in range(200):
                memory[number * mmap.PAGESIZE + at] = 65 + number
                with open(root / f"g{number}", "ab") as file:
                    file.write(b"x")
                if number == 0:
                    with open(root / "f", "r+b") as file:
                        file.seek(7 * mmap.PAGESIZE + at)
                        file.write(b"w")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert follows(recorder.trace(), root)
    memory.close()


def test_nothing_is_left_open(root: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Recorder(root):
        memory = mapped(root)
    memory.close()
    assert len(os.listdir("/proc/self/fd")) == before


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.binary(min_size=0, max_size=50),
    places=st.dictionaries(st.integers(0, 49), st.integers(0, 255)),
)
def test_differences_bring_the_one_content_to_the_other(
    before: bytes, places: dict[int, int]
) -> None:
    stretched = before.ljust(50, b"\0") * 300
    after = bytearray(stretched)
    for at, byte in places.items():
        after[at * 299] = byte
    found = bytearray(stretched)
    for store in differences(1, stretched, bytes(after)):
        assert (
            store.offset // mmap.PAGESIZE == (store.offset + len(store.data) - 1) // mmap.PAGESIZE
        )
        assert found[store.offset] != store.data[0]
        assert found[store.offset + len(store.data) - 1] != store.data[-1]
        found[store.offset : store.offset + len(store.data)] = store.data
    assert found == after
