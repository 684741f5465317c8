"""What the stores cost beside bare system calls and a bare parser, as ratios of one run.

Not a test: run it as `python tests/benchmarks/bench_stores.py`, with `--directory` on the disk to
be measured. Each line says what was measured and what the rule is. The two sides of a ratio take
turns, and the ratio is the median over all turns: of the time that passed for appends, of the
processor's time for reads. On a busy machine repeat it. Most of it all is the last part: with
`--sessions 2000` it takes seconds.
"""

import argparse
import contextlib
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import psutil

from tornwrite.reference import JSONLStore
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.transcripts import Transcript, TranscriptStore

MEMORY_DIRECTORY = "/dev/shm"
WARM_UP = 10  # turns that do not count
CONTENT = "A sentence or two, as people and agents send them to each other all day long. " * 3
ROOM_BYTES_PER_SESSION = 16_384  # files, names and inodes on a memory-backed file system


class Store(Protocol):
    """The two things that are measured, by the same names for every store."""

    def add(self, key: str, content: str) -> None: ...

    def read(self, key: str) -> list[Any]: ...


class Sessions:
    def __init__(self, directory: str) -> None:
        self.store = JSONLStore(directory)
        self.read = self.store.get_history

    def add(self, key: str, content: str) -> None:
        self.store.add_message(key, "user", content)


class Archive:
    def __init__(self, directory: str) -> None:
        self.store = ArchivingStore(directory)
        self.read = self.store.load

    def add(self, key: str, content: str) -> None:
        self.store.save(key, {"role": "user", "content": content})


class Transcripts:
    def __init__(self, directory: str) -> None:
        self.store = TranscriptStore(directory)
        self.last: Transcript | None = None

    def add(self, key: str, content: str) -> None:
        self.transcript(key).append({"role": "user", "content": content})

    def read(self, key: str) -> list[Any]:
        return self.transcript(key).get_messages()

    def transcript(self, key: str) -> Transcript:
        """The handle, which a program keeps as long as it works on the transcript."""
        if self.last is None or self.last.id != key:
            self.last = self.store.get_or_create(key)
        return self.last


JSONL = "the JSONL store"
STORES: dict[str, Callable[[str], Store]] = {
    JSONL: Sessions,
    "the archiving store": Archive,
    "the transcript store": Transcripts,
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much longer the second of two calls takes than the first.

    Attributes:
        median, low, high: of the ratios of all turns, with the quartiles.
        first_s, second_s: medians of the times taken, in seconds.
    """

    median: float
    low: float
    high: float
    first_s: float
    second_s: float

    def __str__(self) -> str:
        return f"{self.median:.2f} times (quartiles {self.low:.2f} to {self.high:.2f})"


def in_turns(
    first: Callable[[], object],
    second: Callable[[], object],
    turns: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Ratio:
    """Time two calls in turns, now this one first, now that one."""

    def taken(call: Callable[[], object]) -> float:
        started = clock()
        call()
        return clock() - started

    pairs: list[tuple[float, float]] = []
    for turn in range(turns + WARM_UP):
        if turn % 2:
            one = taken(first)
            pairs.append((one, taken(second)))
        else:
            two = taken(second)
            pairs.append((taken(first), two))
    pairs = pairs[WARM_UP:]
    low, median, high = statistics.quantiles([two / one for one, two in pairs], n=4)
    ones, twos = zip(*pairs, strict=True)
    return Ratio(median, low, high, statistics.median(ones), statistics.median(twos))


@contextlib.contextmanager
def folder(parent: str) -> Iterator[str]:
    path = tempfile.mkdtemp(prefix="bench-stores-", dir=parent)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def file_system(path: str) -> str:
    """The kind of file system that a directory is on."""
    found = [
        (len(mount.mountpoint), mount.fstype)
        for mount in psutil.disk_partitions(all=True)
        if os.path.commonpath([mount.mountpoint, os.path.realpath(path)]) == mount.mountpoint
    ]
    return max(found, default=(0, "an unknown file system"))[1]


def bare_append(path: str, line: bytes) -> Callable[[], None]:
    def append() -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(descriptor, line)
        os.fdatasync(descriptor)
        os.close(descriptor)

    return append


def append_cost(name: str, parent: str, turns: int) -> Ratio:
    """A store's append beside open, write, fdatasync and close of the same bytes."""
    line = orjson.dumps({"role": "user", "content": CONTENT}) + b"\n"
    with folder(parent) as here:
        store = STORES[name](os.path.join(here, "store"))
        bare = bare_append(os.path.join(here, "bare"), line)
        return in_turns(bare, lambda: store.add("chat:1", CONTENT), turns)


def append_in_a_long_session(parent: str, turns: int, messages: int) -> Ratio:
    """An append to a session of so many messages beside one to a session of ten."""
    with folder(parent) as here:
        store = JSONLStore(here)
        for key, length in (("short", 10), ("long", messages)):
            store.set_history(key, [{"role": "user", "content": CONTENT}] * length)
        add = store.add_message
        return in_turns(
            lambda: add("short", "user", CONTENT), lambda: add("long", "user", CONTENT), turns
        )


def append_among_many_sessions(parent: str, turns: int, sessions: int) -> Ratio:
    """An append beside so many other sessions in the directory beside one in an empty directory."""
    with folder(parent) as empty, folder(parent) as full:
        JSONLStore(full).add_message("0", "user", CONTENT)
        for number in range(1, sessions):
            for suffix in (".jsonl", ".meta.json"):
                path = os.path.join(full, str(number) + suffix)
                shutil.copyfile(os.path.join(full, "0" + suffix), path)
        few, many = JSONLStore(empty), JSONLStore(full)
        return in_turns(
            lambda: few.add_message("chat:1", "user", CONTENT),
            lambda: many.add_message("chat:1", "user", CONTENT),
            turns,
        )


def read_cost(
    name: str, parent: str, turns: int, content: str, *, sealed: bool = True, messages: int = 10_000
) -> Ratio:
    """Reading a session beside reading its file and parsing each line.

    sealed: whether the lines have the checksums that the store gives them.
    """
    with folder(parent) as here:
        store = STORES[name](here)
        store.add("session", content)
        path = os.path.join(here, "session.jsonl")
        with open(path, "rb+") as file:
            *before, line = file.read().splitlines(keepends=True)
            if not sealed:
                line = orjson.dumps({"role": "user", "content": content}) + b"\n"
            file.seek(0)
            file.truncate()
            file.write(b"".join(before) + line * messages)

        def bare() -> list[Any]:
            with open(path, "rb") as file:
                data = file.read()
            return [orjson.loads(one) for one in data.split(b"\n") if one]

        assert len(store.read("session")) == messages
        return in_turns(bare, lambda: store.read("session"), turns, time.process_time)


def memory_of_sessions(name: str, parent: str, marks: list[int], empties: bool) -> list[float]:
    """A process's memory in MB when it has written and read so many sessions."""
    process = psutil.Process()
    found: list[float] = []
    with folder(parent) as here:
        store = STORES[name](here)
        for number in range(1, marks[-1] + 1):
            store.add(f"chat-{number}", "hello")
            assert len(store.read(f"chat-{number}")) == 1
            if number in marks:
                found.append(process.memory_info().rss / 1e6)
            if empties and not number % 5_000:
                for entry in os.listdir(here):
                    if entry != ".lock":
                        os.unlink(os.path.join(here, entry))
    return found


def print_appends(directories: list[str], turns: int) -> None:
    for directory in directories:
        kind = file_system(directory)
        for name in STORES:
            has_rule = name == JSONL and kind != "tmpfs"
            rule = "rule: at most 1.3" if has_rule else "no rule"
            ratio = append_cost(name, directory, turns)
            print(
                f"appending to {name} on {kind} costs {ratio} a bare append, "
                f"{1e6 * ratio.second_s:.0f} µs for {1e6 * ratio.first_s:.0f} µs ({rule})"
            )


def print_growth(directory: str, turns: int, messages: int, sessions: int) -> None:
    ratio = append_in_a_long_session(directory, turns, messages)
    print(f"in a session of {messages:,} messages an append costs {ratio} one of 10 (rule: 1)")
    ratio = append_among_many_sessions(directory, turns, sessions)
    print(f"among {sessions:,} sessions an append costs {ratio} one alone (rule: 1)")


def print_reads(directory: str, turns: int) -> None:
    ratio = read_cost(JSONL, directory, turns, CONTENT, sealed=False)
    print(f"reading 10,000 messages without checksums from {JSONL} costs {ratio} a bare parse")
    for name in STORES:
        for content in (CONTENT, "yes"):
            ratio = read_cost(name, directory, turns, content)
            print(
                f"reading 10,000 messages of {len(content)} characters from {name} costs {ratio} "
                f"a bare parse, {1e3 * ratio.second_s:.1f} ms for {1e3 * ratio.first_s:.1f} ms "
                "(rule: at most 2)"
            )


def print_memory(directory: str, sessions: int) -> None:
    marks = [sessions // 10, sessions // 2, sessions]
    empties = shutil.disk_usage(directory).free < sessions * ROOM_BYTES_PER_SESSION
    for name in STORES:
        # A process of its own: what the others used before would hide growth.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(memory_of_sessions, (name, directory, marks, empties))
        sizes = ", ".join(
            f"{size:.1f} MB after {mark:,}" for mark, size in zip(marks, found, strict=True)
        )
        print(f"sessions written and read through {name} in one process: {sizes} (rule: the same)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="on the disk to measure")
    parser.add_argument("--turns", type=int, default=2_000, help="of each pair of appends")
    parser.add_argument("--sessions", type=int, default=200_000, help="to touch in one process")
    given = parser.parse_args()
    has_memory = os.path.isdir(MEMORY_DIRECTORY) and file_system(MEMORY_DIRECTORY) == "tmpfs"
    memory = [MEMORY_DIRECTORY] if has_memory else []
    print_appends([given.directory, *memory], given.turns)
    print_growth(given.directory, given.turns, messages=100_000, sessions=20_000)
    print_reads(given.directory, max(10, given.turns // 40))
    print_memory([given.directory, *memory][-1], given.sessions)


if __name__ == "__main__":
    main()
