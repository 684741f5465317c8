"""The rules for what few programs do: stores to mapped files, msync, nameless files, exchange.

Pages are 8 bytes here and sectors 4. The images are those of the last crash point.
"""

from dataclasses import replace

import pytest

from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter, TraceImpossible
from tornwrite.faults.profiles import (
    BTRFS,
    DEFAULT,
    EXT4,
    EXT4_WRITEBACK,
    FAT,
    KILL,
    POSIX,
    XFS,
    PowerLoss,
    Profile,
)
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    Exchange,
    FailedSync,
    Fsync,
    Link,
    Open,
    OpenUnnamed,
    SetSize,
    Step,
    Store,
    SyncAll,
    Write,
)
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace

POWER_LOSSES = [profile for profile in DEFAULT if isinstance(profile, PowerLoss)]
any_power_loss = pytest.mark.parametrize("profile", POWER_LOSSES, ids=lambda p: p.name)

OLD: Image = (("f", b"00000000111111112222"),)


def left(profile: Profile, base: Image, *steps: Step) -> set[Image]:
    """What a crash after the last step may leave."""
    events = (Began(0, "all", {}), *(Stepped(step) for step in steps), Acknowledged(0))
    if isinstance(profile, PowerLoss):
        profile = replace(profile, page=8, sector=4)
    states = CrashStates(Trace(base, events), profile, epochs_wanted=frozenset({2}))
    found = {state.image for state in states}
    assert states.coverage.complete
    return found


def contents(found: set[Image], path: str = "f") -> set[bytes]:
    held = [dict(image).get(path) for image in found]
    return {content for content in held if isinstance(content, bytes)}


# Stores and msync


@any_power_loss
def test_a_store_may_be_lost_torn_or_there(profile: PowerLoss) -> None:
    found = contents(left(profile, OLD, Open(1, "f"), Store(1, 1, b"abcdef")))
    lost, there = OLD[0][1], b"0abcdef0111111112222"
    assert isinstance(lost, bytes)
    torn = {b"0abc0000111111112222", b"0000def0111111112222"}
    assert {lost, there} <= found <= {lost, there} | torn


@any_power_loss
def test_an_msync_of_its_page_makes_a_store_durable(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Store(1, 1, b"abc"), Fsync(1, True, 0, 8))
    assert contents(left(profile, OLD, *steps)) == {b"0abc0000111111112222"}


@any_power_loss
def test_an_msync_reaches_no_other_page(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Store(1, 0, b"a"), Store(1, 8, b"b"), Fsync(1, True, 8, 16))
    found = contents(left(profile, OLD, *steps))
    assert found == {b"00000000b11111112222", b"a0000000b11111112222"}


@any_power_loss
def test_an_msync_writes_whole_the_page_of_which_it_names_a_byte(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Store(1, 0, b"a"), Store(1, 12, b"b"), Fsync(1, True, 3, 9))
    assert contents(left(profile, OLD, *steps)) == {b"a00000001111b1112222"}


@any_power_loss
def test_an_msync_of_all_is_as_good_as_fdatasync(profile: PowerLoss) -> None:
    begin = (Open(1, "f"), SetSize(1, 30), Store(1, 0, b"a"), Write(1, 25, b"b"), Store(1, 9, b"c"))
    whole = left(profile, OLD, *begin, Fsync(1, True))
    for start, end in ((0, None), (0, 30), (0, 4096)):
        assert left(profile, OLD, *begin, Fsync(1, True, start, end)) == whole
    assert len(contents(whole)) == 1


@any_power_loss
def test_an_msync_makes_the_size_durable_that_its_bytes_need(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), SetSize(1, 32), Store(1, 25, b"a"), Fsync(1, True, 24, 32))
    assert contents(left(profile, OLD, *steps)) == {OLD[0][1] + b"\0\0\0\0\0a\0\0\0\0\0\0"}


def test_an_msync_asks_for_no_size_beyond_its_bytes() -> None:
    steps = (Open(1, "f", create=True), Write(1, 0, b"a" * 16), Fsync(1, True, 0, 8), Fsync(""))
    for profile in (POSIX, EXT4_WRITEBACK):
        assert {len(content) for content in contents(left(profile, (), *steps))} == {8, 16}


@any_power_loss
def test_an_msync_of_nothing_is_no_barrier(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Store(1, 0, b"a"))
    beyond = left(profile, OLD, *steps, Fsync(1, True, 24, 32))
    assert beyond == left(profile, OLD, *steps)


def test_after_an_msync_that_failed_a_later_one_asks_for_nothing() -> None:
    steps = (Open(1, "f"), Store(1, 0, b"a"), FailedSync(1, True), Fsync(1, True, 0, 8))
    assert b"00000000111111112222" in contents(left(POSIX, OLD, *steps))
    again = (*steps, Store(1, 1, b"b"), Fsync(1, True, 0, 8))
    assert contents(left(POSIX, OLD, *again)) == {b"ab000000111111112222"}


def test_a_kill_leaves_a_store_whole_or_not_at_all() -> None:
    trace = Trace(OLD, (Stepped(Open(1, "f")), Stepped(Store(1, 1, b"abc"))))
    found = {content for state in CrashStates(trace, KILL) for _, content in state.image}
    assert found == {OLD[0][1], b"0abc0000111111112222"}


def test_a_store_beyond_the_end_of_its_file_is_impossible() -> None:
    interpreter = Interpreter(OLD)
    interpreter.apply(0, Open(1, "f"))
    with pytest.raises(TraceImpossible, match="beyond the end"):
        interpreter.apply(1, Store(1, 19, b"xy"))


# Files without a name


@any_power_loss
def test_a_file_without_a_name_is_in_no_image(profile: PowerLoss) -> None:
    steps = (OpenUnnamed(1, ""), Write(1, 0, b"abc"), Fsync(1), SyncAll(), Close(1))
    assert left(profile, (), *steps) == {()}


@any_power_loss
def test_a_file_synced_before_it_got_its_name_is_whole_or_not_there(profile: PowerLoss) -> None:
    steps = (OpenUnnamed(1, ""), Write(1, 0, b"abc"), Fsync(1), Link(1, "f"))
    assert left(profile, (), *steps) == {(), (("f", b"abc"),)}
    assert left(profile, (), *steps, Fsync("")) == {(("f", b"abc"),)}


@any_power_loss
def test_a_file_named_before_it_was_synced_may_be_empty(profile: PowerLoss) -> None:
    steps = (OpenUnnamed(1, ""), Write(1, 0, b"abc"), Link(1, "f"))
    assert {(), (("f", b""),), (("f", b"abc"),)} <= left(profile, (), *steps)
    synced = left(profile, (), *steps, Fsync(1))
    kept = {(("f", b"abc"),)}
    assert synced == (kept | {()} if profile.name == "posix" else kept)


def test_a_link_of_an_open_file_is_one_more_name() -> None:
    steps = (Open(1, "f"), Link(1, "g"), Write(1, 0, b"X"), SyncAll())
    assert left(EXT4, (("f", b"abc"),), *steps) == {(("f", b"Xbc"), ("g", b"Xbc"))}


def test_a_name_that_is_taken_cannot_be_given() -> None:
    interpreter = Interpreter((("f", b""),))
    interpreter.apply(0, OpenUnnamed(1, ""))
    with pytest.raises(TraceImpossible, match="f exists already"):
        interpreter.apply(1, Link(1, "f"))


# Exchange

TWO: Image = (("a", b"1"), ("b", b"2"))
SWAPPED: Image = (("a", b"2"), ("b", b"1"))


@any_power_loss
def test_an_exchange_happens_or_does_not(profile: PowerLoss) -> None:
    assert left(profile, TWO, Exchange("a", "b")) == {TWO, SWAPPED}
    assert left(profile, TWO, Exchange("a", "b"), Fsync("")) == {SWAPPED}


def test_where_a_rename_is_two_an_exchange_is_too() -> None:
    half = {(("a", b"1"), ("b", b"1")), (("a", b"2"), ("b", b"2"))}
    assert left(FAT, TWO, Exchange("a", "b")) == {TWO, SWAPPED} | half


@pytest.mark.parametrize("profile", [EXT4, XFS, BTRFS], ids=lambda p: p.name)
def test_an_exchange_waits_for_no_data(profile: PowerLoss) -> None:
    """ext4 and btrfs look after what a rename replaces; ext4_cross_rename does not."""
    steps = (Open(1, "a"), Write(1, 0, b"x"), Exchange("a", "b"))
    assert (("a", b"2"), ("b", b"1")) in left(profile, TWO, *steps)


@pytest.mark.parametrize("profile", [EXT4, XFS, BTRFS], ids=lambda p: p.name)
@pytest.mark.parametrize("synced", ["a", "b"])
def test_a_sync_of_either_file_makes_an_exchange_durable(profile: PowerLoss, synced: str) -> None:
    assert left(profile, TWO, Exchange("a", "b"), Fsync(synced)) == {SWAPPED}


def test_directories_and_files_can_change_places() -> None:
    base: Image = (("d", None), ("d/x", b"1"), ("f", b"2"))
    after = (("d", b"2"), ("f", None), ("f/x", b"1"))
    assert left(EXT4, base, Exchange("f", "d"), SyncAll()) == {after}


def test_the_program_sees_an_exchange_at_once() -> None:
    interpreter = Interpreter((("d", None), ("d/x", b"1"), ("f", b"2")))
    interpreter.apply(0, Exchange("d", "f"))
    interpreter.apply(1, Exchange("f/x", "d"))
    assert interpreter.image() == (("d", b"1"), ("f", None), ("f/x", b"2"))


def test_what_is_in_a_directory_cannot_change_places_with_it() -> None:
    interpreter = Interpreter((("d", None), ("d/x", b"")))
    for first, second in (("d", "d/x"), ("d/x", "d")):
        with pytest.raises(TraceImpossible, match="one is in the other"):
            interpreter.apply(0, Exchange(first, second))


def test_two_names_of_one_file_change_places_without_effect() -> None:
    interpreter = Interpreter(TWO)
    interpreter.apply(0, Link("a", "c"))
    assert interpreter.apply(1, Exchange("a", "c")) == []
