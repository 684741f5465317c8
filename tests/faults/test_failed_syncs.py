"""After a failed sync what was on its way counts as clean: no later sync makes it durable.

The rule is that of "Can Applications Recover from fsync Failures?" (Rebello et al., ATC 2020).
Pages are 8 bytes in the examples and sectors 4.
"""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, reject, settings
from hypothesis import strategies as st

from support.brute_force import TooMany, images_at
from support.programs import programs
from tornwrite.faults.explain import Reached, fates
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import (
    EXT4,
    EXT4_NOAUTO_DA_ALLOC,
    EXT4_WRITEBACK,
    POSIX,
    XFS,
    FsyncCommits,
    PowerLoss,
)
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Open,
    OpenUnnamed,
    Rename,
    SetSize,
    Step,
    SyncAll,
    Unlink,
    Write,
    describe,
    is_barrier,
)
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace, load, save

PROFILES = [EXT4, XFS, EXT4_NOAUTO_DA_ALLOC, EXT4_WRITEBACK, POSIX]
OWN_NAMES = replace(
    EXT4, name="own names", names_in_order=False, fsync_commits=FsyncCommits.OWN_NAME
)
TWO_NAMES = replace(POSIX, name="a rename is two", rename_atomic=False)

every_profile = pytest.mark.parametrize(
    "profile", [*PROFILES, OWN_NAMES, TWO_NAMES], ids=lambda profile: profile.name
)
slowly = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

LOG: Image = (("log", b""),)


def left(profile: PowerLoss, base: Image, *steps: Step, page: int = 8) -> set[Image]:
    """What a crash after the last step may leave."""
    small = replace(profile, page=page, sector=page // 2)
    events = (Began(0, "all", {}), *(Stepped(step) for step in steps), Acknowledged(0))
    states = CrashStates(Trace(base, events), small, budget=200_000, epochs_wanted=frozenset({2}))
    found = {state.image for state in states}
    if not states.coverage.complete:
        reject()
    return found


def logs(*contents: bytes) -> set[Image]:
    return {(("log", content),) for content in contents}


def append(data: bytes) -> Write:
    return Write(1, None, data)


# The rule, by examples


def test_a_sync_after_a_failed_one_makes_nothing_durable() -> None:
    written = (Open(1, "log"), append(b"aaaa"))
    lost = left(POSIX, LOG, *written)
    assert left(POSIX, LOG, *written, FailedSync(1), Fsync(1)) == lost
    assert left(POSIX, LOG, *written, FailedSync(1), SyncAll()) == lost
    assert left(POSIX, LOG, *written, Fsync(1)) == logs(b"aaaa")


def test_what_was_durable_before_stays() -> None:
    steps = (Open(1, "log"), append(b"aaaabbbb"), Fsync(1), append(b"cccc"), FailedSync(1))
    assert all(content[:8] == b"aaaabbbb" for ((_, content),) in left(POSIX, LOG, *steps, Fsync(1)))


def test_a_page_written_again_takes_all_of_itself_along() -> None:
    steps = (Open(1, "log"), append(b"aaaa"), FailedSync(1), append(b"bbbb"), Fsync(1))
    assert left(POSIX, LOG, *steps) == logs(b"aaaabbbb")


def test_another_page_written_again_takes_only_itself_along() -> None:
    steps = (Open(1, "log"), append(b"aaaabbbb"), FailedSync(1), append(b"cccc"), Fsync(1))
    assert left(POSIX, LOG, *steps) == logs(
        b"aaaabbbbcccc",
        b"\0\0\0\0\0\0\0\0cccc",
        b"aaaa\0\0\0\0cccc",
        b"\0\0\0\0bbbbcccc",
    )


def test_a_size_that_was_taken_back_is_durable_with_the_next_sync() -> None:
    steps = (Open(1, "log"), append(b"aaaa"), FailedSync(1), SetSize(1, 0), Fsync(1))
    assert left(POSIX, LOG, *steps) == logs(b"")


def test_fdatasync_and_a_synced_write_fail_likewise() -> None:
    written = (Open(1, "log"), append(b"aaaa"))
    assert left(POSIX, LOG, *written, FailedSync(1, data_only=True), Fsync(1)) == left(
        POSIX, LOG, *written
    )


def test_the_same_through_another_open_file() -> None:
    written = (Open(1, "log"), append(b"aaaa"))
    again = (Close(1), Open(2, "log"), Fsync(2))
    assert left(POSIX, LOG, *written, FailedSync("log"), *again) == left(POSIX, LOG, *written)


def test_without_a_journal_the_next_sync_of_a_directory_makes_no_lost_name_durable() -> None:
    made = Open(1, "log", create=True)
    assert left(TWO_NAMES, (), made, FailedSync(""), Fsync("")) == {(), (("log", b""),)}
    assert left(TWO_NAMES, (), made, FailedSync(""), SyncAll()) == {(), (("log", b""),)}


def test_names_done_anew_are() -> None:
    base: Image = (("new", b"2"), ("old", b"1"))
    steps = (
        Rename("new", "old"),
        FailedSync(""),
        Open(1, "new", create=True),
        Rename("new", "old"),
        Fsync(""),
    )
    assert left(TWO_NAMES, base, *steps) == {(("old", b""),)}


@pytest.mark.parametrize("profile", [EXT4, POSIX, OWN_NAMES], ids=lambda profile: profile.name)
def test_a_failed_sync_of_a_directory_with_a_journal_commits_nothing(profile: PowerLoss) -> None:
    made = Open(1, "log", create=True)
    assert left(profile, (), made, FailedSync("")) == {(), (("log", b""),)}
    assert left(profile, (), made, FailedSync(""), Fsync("")) == {(("log", b""),)}


def test_a_replacing_rename_does_not_wait_for_clean_data() -> None:
    base: Image = (("log", b"old!"),)
    steps = (Open(1, "tmp", create=True), append(b"new!"), FailedSync(1), Rename("tmp", "log"))
    assert (("log", b""),) in left(EXT4, base, *steps, Fsync(""))


def test_a_failed_sync_is_no_barrier_and_says_what_it_is() -> None:
    assert not is_barrier(FailedSync(1))
    assert describe(FailedSync("log")) == "fsync log, which fails"
    assert describe(FailedSync(1, data_only=True), {1: "log"}) == "fdatasync log, which fails"


def test_it_is_saved_with_its_trace(tmp_path) -> None:
    trace = Trace(LOG, (Stepped(Open(1, "log")), Stepped(FailedSync(1, True))))
    save(trace, tmp_path / "trace")
    assert load(tmp_path / "trace") == trace


def test_what_became_of_lost_steps_is_told() -> None:
    steps = [Open(1, "log"), append(b"aaaa"), FailedSync(1), Fsync(1)]
    trace = Trace(LOG, tuple(Stepped(step) for step in steps))
    told = [fate.reached for fate in fates(trace, POSIX, CrashState(0, 4, LOG))]
    assert told == [Reached.NONE, Reached.NOT, Reached.NONE, Reached.NONE]


# The rule, on any program


@st.composite
def failing(draw: st.DrawFn, most: int) -> list[Step]:
    """A program in which some of the syncs fail, with a few more of them than others have."""
    steps = draw(programs(most=most))
    found: list[Step] = []
    handles: list[int] = []
    for step in steps:
        if isinstance(step, Open | OpenUnnamed):
            handles.append(step.handle)
        if isinstance(step, Close):
            handles.remove(step.handle)
        if isinstance(step, Fsync) and draw(st.booleans()):
            found.append(FailedSync(step.target, step.data_only))
            continue
        found.append(step)
        if isinstance(step, Write | SetSize | Unlink | Rename) and draw(st.booleans()):
            target = draw(st.sampled_from([*handles, ""]))
            found.append(draw(st.sampled_from([FailedSync(target), Fsync(target)])))
    return found


@every_profile
@slowly
@given(steps=failing(most=5))
def test_the_disk_agrees_with_brute_force(profile: PowerLoss, steps: list[Step]) -> None:
    small = replace(profile, page=4, sector=2)
    base: Image = (("b", b"0123456"),)
    try:
        expected = images_at(base, steps, small)
    except TooMany:
        reject()
    event(f"failed syncs: {sum(isinstance(step, FailedSync) for step in steps)}")
    assert left(profile, base, *steps, page=4) == expected


@every_profile
@slowly
@given(steps=failing(most=8))
def test_a_sync_left_out_leaves_nothing_that_a_failed_one_does_not(
    profile: PowerLoss, steps: list[Step]
) -> None:
    base: Image = (("b", b"0123456"),)
    without = [step for step in steps if not isinstance(step, FailedSync)]
    worked = [
        Fsync(step.target, step.data_only) if isinstance(step, FailedSync) else step
        for step in steps
    ]
    failed = left(profile, base, *steps, page=4)
    assert left(profile, base, *without, page=4) <= failed
    assert left(profile, base, *worked, page=4) <= failed


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        (EXT4, EXT4_NOAUTO_DA_ALLOC),
        (XFS, EXT4_NOAUTO_DA_ALLOC),
        (EXT4_NOAUTO_DA_ALLOC, EXT4_WRITEBACK),
        (EXT4_WRITEBACK, POSIX),
        (POSIX, TWO_NAMES),
    ],
    ids=lambda profile: profile.name,
)
@slowly
@given(steps=failing(most=7))
def test_a_weaker_profile_still_leaves_what_a_stronger_one_does(
    stronger: PowerLoss, weaker: PowerLoss, steps: list[Step]
) -> None:
    base: Image = (("b", b"0123456"),)
    assert left(stronger, base, *steps, page=4) <= left(weaker, base, *steps, page=4)
