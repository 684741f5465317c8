"""The crash states against the words of the design, each other, and a real kernel."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from support.brute_force import TooMany, images_at
from support.programs import programs, run_for_real
from support.small_profiles import POWER_LOSSES, small
from tornwrite.faults.images import Image, clear, read_image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profile_order import no_weaker
from tornwrite.faults.profiles import (
    EXT4,
    KNOWN,
    POSIX,
    FsyncCommits,
    PowerLoss,
)
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import Fsync, Step
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace

BTRFS = small(
    replace(EXT4, name="btrfs-like", names_in_order=False, fsync_commits=FsyncCommits.OWN_NAME)
)
FAT = small(replace(POSIX, name="fat-like", rename_atomic=False))
LYING = small(replace(EXT4, name="lying", flush_honoured=False))

BASE: Image = (("b", b"0123456"),)


def trace_of(steps: list[Step], base: Image = BASE) -> Trace:
    return Trace(base, tuple(Stepped(step) for step in steps))


def at_end(steps: list[Step], profile: PowerLoss, base: Image = BASE) -> CrashStates:
    """Crashes at the last point alone: an operation ends there and nothing follows."""
    events = (
        Began(0, "all", {}),
        *(Stepped(step) for step in steps),
        Acknowledged(0),
    )
    return CrashStates(Trace(base, events), profile, budget=200_000, epochs_wanted=frozenset({2}))


def states_at_end(steps: list[Step], profile: PowerLoss, base: Image = BASE) -> set[Image]:
    """The images of the last crash point alone."""
    states = at_end(steps, profile, base)
    found = {state.image for state in states}
    assert states.coverage.complete, states.coverage.stopped
    return found


def all_states(steps: list[Step], profile: PowerLoss) -> set[Image]:
    states = CrashStates(trace_of(steps), profile, budget=200_000)
    found: set[Image] = set()
    for state in states:
        if states.coverage.stopped:
            reject()  # more variants of one file than are worked out: nothing to compare with
        found.add(state.image)
    if not states.coverage.complete:
        reject()
    return found


@pytest.mark.parametrize(
    "profile", [*POWER_LOSSES, BTRFS, FAT, LYING], ids=lambda profile: profile.name
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=5))
def test_enumeration_agrees_with_brute_force(profile: PowerLoss, steps: list[Step]) -> None:
    try:
        expected = images_at(BASE, steps, profile)
    except TooMany:
        reject()
    assert states_at_end(steps, profile) == expected


def steps_down() -> list[tuple[PowerLoss, PowerLoss]]:
    """Each profile with those that come next below it, by the rules."""
    lying = replace(POSIX, name="lying", flush_honoured=False)
    late = replace(EXT4, name="ext4-late", barriers_in_flight=1)
    later = replace(late, name="ext4-later", barriers_in_flight=3)
    known = [*(one for one in KNOWN if isinstance(one, PowerLoss)), lying, late, later]
    below = {one: [two for two in known if two is not one and no_weaker(one, two)] for one in known}
    return [
        (one, two)
        for one in known
        for two in below[one]
        if not any(two in below[between] for between in below[one])
    ]


def test_the_rules_say_which_profile_is_stronger() -> None:
    pairs = {(one.name, two.name) for one, two in steps_down()}
    assert pairs >= {
        ("ext3-journal", "ext3-ordered"),
        ("ext3-ordered", "ext4"),
        ("ext3-ordered", "xfs"),
        ("ext3-ordered", "ext3-writeback"),
        ("ext4", "ext4-noauto_da_alloc"),
        ("xfs", "ext4-noauto_da_alloc"),
        ("ext4-noauto_da_alloc", "ext4-writeback"),
        ("ext3-writeback", "ext4-writeback"),
        ("ext4-writeback", "posix"),
        ("btrfs", "posix"),
        ("posix", "fat"),
        ("posix", "sdcard"),
        ("ext4", "ext4-late"),
        ("ext4-late", "ext4-later"),
    }


@pytest.mark.parametrize(("stronger", "weaker"), steps_down(), ids=lambda profile: profile.name)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=8))
def test_the_states_of_a_stronger_profile_are_among_those_of_a_weaker_one(
    stronger: PowerLoss, weaker: PowerLoss, steps: list[Step]
) -> None:
    assert all_states(steps, small(stronger)) <= all_states(steps, small(weaker))


@pytest.mark.parametrize(
    "profile",
    [one for one in [*POWER_LOSSES, BTRFS, FAT] if one.tells_the_truth],
    ids=lambda profile: profile.name,
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=programs(most=6), after=programs(most=4, there=None))
def test_what_a_barrier_made_durable_never_disappears(
    profile: PowerLoss, before: list[Step], after: list[Step]
) -> None:
    """Sync every file and directory; whatever happens in another folder, it all stays."""
    synced = Interpreter(BASE, profile.page)
    for index, step in enumerate(before):
        synced.apply(index, step)
    here = synced.image()
    assume(here)
    barriers: list[Step] = [Fsync(path) for path, _ in here] + [Fsync("")]
    elsewhere = _moved(after, "elsewhere")
    for image in states_at_end([*before, *barriers, *elsewhere], profile):
        kept = tuple(item for item in image if not item[0].startswith("elsewhere"))
        assert kept == here


def _moved(steps: list[Step], folder: str) -> list[Step]:
    from tornwrite.faults.steps import Mkdir

    moved: list[Step] = [Mkdir(folder)]
    for step in steps:
        changes: dict[str, object] = {}
        for name in ("path", "source", "target"):
            value = getattr(step, name, None)
            if isinstance(value, str):
                changes[name] = f"{folder}/{value}" if value else folder
            elif isinstance(value, int):
                changes[name] = value + 1000
        if isinstance(getattr(step, "handle", None), int):
            changes["handle"] = step.handle + 1000  # type: ignore[union-attr]
        moved.append(replace(step, **changes))  # type: ignore[arg-type]
    return moved


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=12, there=None))
def test_the_image_of_the_full_set_is_what_is_really_on_disk(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    root = str(tmp_path_factory.getbasetemp() / "real")
    import os

    os.makedirs(root, exist_ok=True)
    clear(root)
    run_for_real(steps, root)
    interpreter = Interpreter((), 4)
    for index, step in enumerate(steps):
        interpreter.apply(index, step)
    assert interpreter.image() == read_image(root)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=8))
def test_everything_done_is_always_a_state(steps: list[Step]) -> None:
    interpreter = Interpreter(BASE, 4)
    for index, step in enumerate(steps):
        interpreter.apply(index, step)
    for profile in POWER_LOSSES:
        assert any(state.image == interpreter.image() for state in at_end(steps, profile))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=5), budget=st.integers(1, 30), seed=st.integers(0, 3))
def test_a_search_cut_short_says_so_and_stays_within_what_is_possible(
    steps: list[Step], budget: int, seed: int
) -> None:
    profile = small(POSIX)
    states = CrashStates(trace_of(steps), profile, budget=budget, seed=seed)
    found = [state.image for state in states]
    everything = all_states(steps, profile)
    assert set(found) <= everything
    if states.coverage.complete:
        assert set(found) == everything
        assert states.coverage.possible == len(everything)
    else:
        assert states.coverage.stopped
        assert len(found) <= budget
        assert len(set(found)) < states.coverage.possible <= len(everything)
    again = [
        state.image for state in CrashStates(trace_of(steps), profile, budget=budget, seed=seed)
    ]
    assert again == found
