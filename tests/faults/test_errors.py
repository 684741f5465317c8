"""Which errors a step can give, and what else the same cause hits."""

import errno
import os
from pathlib import Path

import pytest

from tornwrite.faults.error_injection import Errors, Spot
from tornwrite.faults.errors import RULES, At, Cause, Lasts, is_hit, rule_of, rules_at
from tornwrite.faults.injection import AtStep, Fail, ReadOpen
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import (
    STEP_TYPES,
    Close,
    FailedSync,
    Fsync,
    Open,
    Rename,
    Step,
    Store,
    SyncAll,
    Unlink,
    Write,
)

WRITE = Write(1, 0, b"data")
OPEN = Open(1, "a", create=True)


def names(at: At) -> set[str]:
    return {rule.name for rule in rules_at(at)}


def run_with(root: Path, errors: Errors) -> list[Step]:
    """A file written beside, synced and renamed, three times, whatever fails."""
    with Recorder(root, injector=errors) as recorder:
        for _ in range(3):
            try:
                _replace(root)
            except OSError:
                continue
    return recorder.trace().steps


def _replace(root: Path) -> None:
    descriptor = os.open(root / "new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        data = b"0123456789"
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(root / "new", root / "old")
    with open(root / "old", "rb") as file:
        assert file.read() == b"0123456789"


def errors(
    number: int, at: At, name: str, lasts: Lasts, keep: int = 0, reads: bool = False
) -> Errors:
    rule = rule_of(at, name)
    assert rule is not None
    return Errors(Spot(number, reads, keep), rule, lasts)


# The table


def test_every_kind_of_step_that_can_fail_has_an_error() -> None:
    without = {SyncAll, FailedSync, Store}
    assert {kind for kind in STEP_TYPES.values() if not any(kind in r.at for r in RULES)} == without


def test_every_rule_says_why_and_is_a_real_error() -> None:
    for rule in RULES:
        assert rule.why
        assert rule.lasts
        assert os.strerror(rule.errno)


def test_what_python_does_again_by_itself_is_not_interrupted() -> None:
    assert "EINTR" not in names(WRITE) | names(OPEN) | names(Fsync(1)) | names(Close(1))
    assert "EINTR" in names(Rename("a", "b"))


def test_only_what_makes_a_name_finds_it_too_long_or_has_no_room_for_it() -> None:
    assert {"ENOSPC", "ENAMETOOLONG"} <= names(OPEN)
    assert not {"ENOSPC", "ENAMETOOLONG"} & names(Open(1, "a"))
    assert not {"ENOSPC", "ENAMETOOLONG"} & names(Unlink("a"))


@pytest.mark.parametrize(
    ("cause", "first", "hit", "spared"),
    [
        (Cause.SPACE, WRITE, (WRITE, OPEN, Rename("a", "b")), (Open(1, "a"), Unlink("a"))),
        (Cause.READ_ONLY, WRITE, (WRITE, OPEN, Unlink("a"), Fsync("")), (ReadOpen("a"), Close(1))),
        (Cause.DESCRIPTORS, OPEN, (OPEN, ReadOpen("b")), (WRITE, Rename("a", "b"))),
        (Cause.MEDIUM, Rename("a", "b"), (WRITE, Fsync(1), Unlink("c")), (SyncAll(),)),
    ],
)
def test_a_cause_that_stays_hits_its_own(
    cause: Cause, first: At, hit: tuple[At, ...], spared: tuple[At, ...]
) -> None:
    assert all(is_hit(cause, at, "x", first, "y") for at in hit)
    assert not any(is_hit(cause, at, "x", first, "y") for at in spared)


def test_a_bad_medium_under_a_file_hits_that_file_alone() -> None:
    assert is_hit(Cause.MEDIUM, WRITE, "a", WRITE, "a")
    assert not is_hit(Cause.MEDIUM, WRITE, "b", WRITE, "a")


# The injector


def test_an_error_comes_once(tmp_path: Path) -> None:
    given = errors(1, WRITE, "ENOSPC", Lasts.ONCE)
    steps = run_with(tmp_path, given)
    assert given.hits == 1
    assert sum(isinstance(step, Rename) for step in steps) == 2


def test_an_error_stays_until_it_is_lifted(tmp_path: Path) -> None:
    given = errors(1, WRITE, "ENOSPC", Lasts.STAYS)
    assert not any(isinstance(step, Rename) for step in run_with(tmp_path, given))
    assert given.in_force
    given.lift()
    assert not given.in_force


def test_a_short_write_is_followed_by_its_error(tmp_path: Path) -> None:
    given = errors(1, WRITE, "ENOSPC", Lasts.ONCE, keep=4)
    steps = run_with(tmp_path, given)
    writes = [step.data for step in steps if isinstance(step, Write)]
    assert writes == [b"0123", b"0123456789", b"0123456789"]
    assert given.hits == 1


def test_an_error_comes_at_an_opening_for_reading(tmp_path: Path) -> None:
    given = errors(1, ReadOpen("old"), "EMFILE", Lasts.ONCE, reads=True)
    steps = run_with(tmp_path, given)
    assert given.hits == 1
    assert given.first_at == ReadOpen("old")
    assert sum(isinstance(step, Rename) for step in steps) == 3


def test_nothing_fails_while_it_is_set_aside(tmp_path: Path) -> None:
    given = errors(1, WRITE, "ENOSPC", Lasts.STAYS)
    run_with(tmp_path, given)
    with given.set_aside():
        assert given.in_force
        _replace(tmp_path)


# What the recorder makes of it


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_sync_that_loses_data_is_recorded(tmp_path: Path, number: int) -> None:
    with (
        Recorder(tmp_path, injector=AtStep(2, Fail(number))) as recorder,
        pytest.raises(OSError, match=os.strerror(number)),
    ):
        _replace(tmp_path)
    assert [type(step) for step in recorder.trace().steps] == [Open, Write, FailedSync, Close]


def test_a_sync_refused_for_another_reason_is_not(tmp_path: Path) -> None:
    given = AtStep(2, Fail(errno.EROFS))
    with (
        Recorder(tmp_path, injector=given) as recorder,
        pytest.raises(OSError, match="Read-only"),
    ):
        _replace(tmp_path)
    assert [type(step) for step in recorder.trace().steps] == [Open, Write, Close]


def test_a_synced_write_that_fails_leaves_its_data_in_the_cache(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=AtStep(1, Fail(errno.EIO))) as recorder:
        descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_SYNC)
        with pytest.raises(OSError, match="Input/output"):
            os.write(descriptor, b"data")
        os.close(descriptor)
    assert (tmp_path / "log").read_bytes() == b"data"
    _, write, failed, _ = recorder.trace().steps
    assert write == Write(1, 0, b"data")
    assert failed == FailedSync(1, data_only=True)
