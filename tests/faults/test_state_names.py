"""Names of crash states: by its name each is found again in a new recording of the program."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tornwrite.faults.images import Image
from tornwrite.faults.profiles import (
    BTRFS,
    DEFAULT,
    EXT3_JOURNAL,
    FAT,
    KILL,
    POSIX,
    SDCARD,
    Profile,
)
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.state_names import WrongName, name_of, profile_named, state_named
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.trace import Trace


def recorded(root: Path, names: Iterator[str], content: bytes) -> Trace:
    """Two files written beside and renamed; one synced, one written with O_SYNC, one appended to.

    names: what the temporary files are called.
    """
    root.mkdir()
    (root / "log").write_bytes(b"old" * 2000)
    with Recorder(root) as recorder:
        number = recorder.began("both", {})
        for target in ("one", "two"):
            beside = root / next(names)
            with open(beside, "wb") as file:
                file.write(content)
                if target == "two":
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(beside, root / target)
        recorder.acknowledged(number)
        with open(root / "log", "ab") as file:
            file.write(content * 2)
        synced = os.open(root / "one", os.O_WRONLY | os.O_SYNC)
        os.write(synced, content[::-1])
        os.close(synced)
    return recorder.trace()


@pytest.fixture
def traces(tmp_path: Path) -> tuple[Trace, Trace]:
    """The same twice, with other names (in another order) and other bytes."""
    first = recorded(tmp_path / "first", iter(["aa", "zz"]), b"first 1" * 100)
    second = recorded(tmp_path / "second", iter(["zq", "ab"]), b"again 2" * 100)
    return first, second


def sizes(image: Image) -> list[tuple[str, int, int]]:
    """Per file, under its name in the first trace, its length and how much of it is zeros."""
    names = {"zq": "aa", "ab": "zz"}
    return sorted(
        (names.get(path, path), len(node), node.count(0))
        for path, node in image
        if isinstance(node, bytes)
    )


@pytest.mark.parametrize(
    "profile", [*DEFAULT, FAT, SDCARD, EXT3_JOURNAL], ids=lambda profile: profile.name
)
def test_each_state_is_found_again_in_a_new_recording(
    profile: Profile, traces: tuple[Trace, Trace]
) -> None:
    first, second = traces
    names: set[str] = set()
    states = list(CrashStates(first, profile, budget=1000))
    for state in states[:: max(1, len(states) // 50)]:
        name = name_of(first, profile, state)
        assert name not in names
        names.add(name)
        assert state_named(first, profile, name) == state
        again = state_named(second, profile, name)
        assert (again.epoch, again.point, again.cut) == (state.epoch, state.point, state.cut)
        if profile is not KILL:
            assert sizes(again.image) == sizes(state.image)
    assert names


def test_a_name_of_another_program_is_refused(traces: tuple[Trace, Trace], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with Recorder(tmp_path / "other") as recorder:
        (tmp_path / "other" / "log").write_bytes(b"x")
    state = CrashState(0, 1, (("log", b""),))
    name = name_of(recorder.trace(), KILL, state)
    with pytest.raises(WrongName, match="a crash state of another recording"):
        state_named(traces[0], KILL, name)


@pytest.mark.parametrize(
    "wrong",
    [
        "posix", "posix:", "posix:0.1:", "posix:0.1:0", "posix:0.1:0:000000", "posix:x.1:0:{shape}",
        "posix:0.99:0:{shape}", "posix:99.1:0:{shape}", "posix:1.1:99:{shape}",
        "posix:1.1:0.99:{shape}", "posix:1.1:0.0.0.0.0.0:{shape}", "posix:1:0:{shape}",
        "posix:1.1.4:0:{shape}", "posix:-1.1:0:{shape}", "posix:1.1::{shape}",
    ],
)  # fmt: skip
def test_what_names_no_state_is_refused(wrong: str, traces: tuple[Trace, Trace]) -> None:
    state = next(iter(CrashStates(traces[0], POSIX)))
    shape = name_of(traces[0], POSIX, state).rpartition(":")[2]
    with pytest.raises(WrongName):
        state_named(traces[0], POSIX, wrong.format(shape=shape))


def test_a_profile_may_have_any_name(traces: tuple[Trace, Trace]) -> None:
    odd = replace(BTRFS, name="my own/disk: no #2")
    state = list(CrashStates(traces[0], odd))[20]
    name = name_of(traces[0], odd, state)
    assert not set(name) & set(" /#")
    assert profile_named(name, [POSIX, odd]) is odd
    assert state_named(traces[0], odd, name) == state
    with pytest.raises(WrongName, match="does not begin with the name of a profile"):
        profile_named(name, [POSIX, BTRFS])
