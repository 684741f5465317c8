"""What another program wrote and never synced: it is made durable before anything rests on it.

That program writes, this store does one thing, and then the power fails: every image that a file
system may leave by the rules of POSIX is looked at. The same without the sync must show the harm.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from tornwrite.faults.images import Image, clear, materialise
from tornwrite.faults.profiles import POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.states import CrashStates
from tornwrite.reference.transcripts import TranscriptStore
from tornwrite.reference.transcripts.directory import TranscriptFiles

HEADER = b'{"type":"session","id":"a","created_at":"2026-01-02T03:04:05.600000000Z"}\n'
PAGES = 10_000
MESSAGES = [{"role": "user", "content": "x" * PAGES}, {"content": "y" * 100}, {"content": "last"}]


def opened(directory: Path) -> TranscriptStore:
    """Without inodes and times in its index: those of an image that is laid down are others."""
    return TranscriptStore(directory, stamp=lambda look: (0, 0))


def write_unsynced(directory: Path) -> None:
    lines = b"".join(orjson.dumps(message) + b"\n" for message in MESSAGES)
    (directory / "a.jsonl").write_bytes(HEADER + lines)


def images_after(live: Callable[[TranscriptStore], object], root: Path) -> Iterator[Image]:
    """What a power loss may leave once that program has written and `live` has returned."""
    opened(root).close()  # its directory is durable
    with Recorder(root) as recorder:
        write_unsynced(root)
        number = recorder.began("live", {})
        with opened(root) as store:
            live(store)
        recorder.acknowledged(number)
    trace = recorder.trace()
    states = CrashStates(trace, POSIX)
    last = 2  # before the operation, in it, after it
    yield from (state.image for state in states if state.epoch == last)
    assert states.coverage.complete


def look_at_each(
    live: Callable[[TranscriptStore], object], look: Callable[[TranscriptStore], bool]
) -> set[bool]:
    """What `look` says of the images, until it has said both."""
    with Workspace() as workspace:
        root = Path(workspace.path) / "transcripts"
        found = set()
        for image in images_after(live, root):
            clear(str(root))
            materialise(image, str(root))
            with opened(root) as store:
                found.add(look(store))
            if len(found) > 1:
                break
    return found


def get(store: TranscriptStore) -> None:
    store.get_or_create("a")


def holds_all(store: TranscriptStore) -> bool:
    return [info.id for info in store.list()] == ["a"] and store.get("a").get_messages() == MESSAGES


def lists_what_is_there(store: TranscriptStore) -> bool:
    """Whether the list, from its index, says the same as the files."""
    there = {info.id: len(store.get(info.id).get_messages()) for info in store.list()}
    return {info.id: info.message_count for info in store.list()} == there


@pytest.fixture
def without_data_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TranscriptFiles, "sync_data", lambda self, shard, name: None)


def test_a_transcript_that_was_got_is_durable_whoever_wrote_it() -> None:
    assert look_at_each(get, holds_all) == {True}


@pytest.mark.usefixtures("without_data_syncs")
def test_without_the_sync_of_its_data_it_would_not_be() -> None:
    assert look_at_each(get, holds_all) == {True, False}


def test_a_list_remembers_nothing_that_a_power_loss_may_take() -> None:
    assert look_at_each(TranscriptStore.list, lists_what_is_there) == {True}


@pytest.mark.usefixtures("without_data_syncs")
def test_without_the_sync_of_what_is_remembered_a_list_would_be_wrong() -> None:
    assert look_at_each(TranscriptStore.list, lists_what_is_there) == {True, False}
