"""Two recordings are held against each other."""

from dataclasses import replace

import pytest

from tornwrite.faults.agreement import compare
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Mkdir,
    Open,
    Rename,
    SetSize,
    Step,
    SyncAll,
    Unlink,
    Write,
)

STEPS: list[Step] = [
    Open(1, "a", create=True),
    Write(1, 0, b"hello"),
    Open(2, "b"),
    SetSize(2, 3),
    Fsync(1),
    Fsync("d", data_only=True),
    Close(2),
    Rename("a", "c"),
    SyncAll(),
    Close(1),
]


def test_equal_recordings_agree() -> None:
    assert compare(STEPS, list(STEPS)) == []
    assert compare([], []) == []


def test_handles_are_only_names() -> None:
    others: list[Step] = [
        Open(7, "a", create=True),
        Write(7, 0, b"hello"),
        Open(3, "b"),
        SetSize(3, 3),
        Fsync(7),
        Fsync("d", data_only=True),
        Close(3),
        Rename("a", "c"),
        SyncAll(),
        Close(7),
    ]
    assert compare(STEPS, others) == []


@pytest.mark.parametrize("position", range(len(STEPS)))
def test_step_that_is_missing_is_found_on_either_side(position: int) -> None:
    fewer = STEPS[:position] + STEPS[position + 1 :]
    for found in (compare(STEPS, fewer), compare(fewer, STEPS)):
        assert found[0].position <= position


@pytest.mark.parametrize(
    ("position", "changed"),
    [
        (0, Open(1, "a", create=True, truncate=True)),
        (1, Write(1, 0, b"hellO")),
        (1, Write(1, None, b"hello")),
        (1, Write(1, 0, b"hello", sync=True)),
        (3, SetSize(1, 3)),
        (4, Fsync(2)),
        (4, Fsync("a")),
        (5, Fsync("d")),
        (6, Close(1)),
        (7, Rename("c", "a")),
        (8, Unlink("a")),
    ],
)
def test_any_difference_is_found(position: int, changed: Step) -> None:
    others = [*STEPS[:position], changed, *STEPS[position + 1 :]]
    found = compare(STEPS, others)
    assert [(one.position, one.first, one.second) for one in found] == [
        (position, STEPS[position], changed)
    ]


def test_order_matters() -> None:
    assert compare([Mkdir("a"), SyncAll()], [SyncAll(), Mkdir("a")])


def test_two_handles_taken_for_one_are_found() -> None:
    ones: list[Step] = [Open(1, "a"), Open(2, "a"), Write(1, 0, b"x")]
    others: list[Step] = [Open(1, "a"), Open(2, "a"), Write(2, 0, b"x")]
    assert [found.position for found in compare(ones, others)] == [2]


def test_message_says_where_who_and_what() -> None:
    found = compare(STEPS[:2], STEPS[:1], names=("one", "other"))
    assert str(found[0]) == 'step 1: one has "write 5 B at 0 of a", other has no more steps'
    found = compare(STEPS[:2], [STEPS[0], replace(STEPS[1], data=b"heLlo")])
    assert str(found[0]) == (
        'step 1: in-process has "write 5 B at 0 of a", strace has "write 5 B at 0 of a" '
        "(data from byte 2: b'llo', b'Llo')"
    )
    found = compare([Mkdir("a")], [SyncAll()])
    assert str(found[0]) == 'step 0: in-process has "mkdir a", strace has "sync"'


def test_only_the_first_differences_are_told() -> None:
    found = compare([Mkdir("a")] * 9, [], limit=3)
    assert [one.position for one in found] == [0, 1, 2]
