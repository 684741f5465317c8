"""From steps to effects: what the interpreter makes of a program, and what it refuses."""

import pytest

from tornwrite.faults.effects import (
    ROOT,
    DirectoryBarrier,
    Effect,
    FileBarrier,
    NameEffect,
    PageEffect,
    RewriteClosed,
    SizeEffect,
    SyncBarrier,
)
from tornwrite.faults.images import Image, SymbolicLink
from tornwrite.faults.interpreter import Interpreter, TraceImpossible
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Link,
    Mkdir,
    Open,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)

PAGE = 4


def run(base: Image, *steps: Step) -> tuple[Interpreter, list[list[Effect]]]:
    """The interpreter after the steps, and the effects of each of them."""
    interpreter = Interpreter(base, PAGE)
    return interpreter, [interpreter.apply(number, step) for number, step in enumerate(steps)]


def last(base: Image, *steps: Step) -> list[Effect]:
    return run(base, *steps)[1][-1]


def test_effects_are_numbered_in_program_order_and_know_their_step() -> None:
    _, effects = run((), Open(1, "f", create=True), Write(1, None, b"123456"), Fsync(1))
    flat = [effect for some in effects for effect in some]
    assert [effect.number for effect in flat] == list(range(1, len(flat) + 1))
    assert [effect.step for effect in flat] == [0, 1, 1, 1, 1, 2]


def test_a_write_makes_a_version_of_each_page_and_a_size_for_each_page_it_reaches() -> None:
    effects = last((("f", b"ab"),), Open(1, "f"), Write(1, None, b"CDEFG"))
    told = [
        (effect.page, effect.content)
        if isinstance(effect, PageEffect)
        else (effect.size, effect.first_page)
        for effect in effects
        if isinstance(effect, PageEffect | SizeEffect)
    ]
    assert told == [(0, b"abCD"), (4, 0), (1, b"EFG\0"), (7, 1)]


def test_a_write_inside_a_file_changes_no_size() -> None:
    effects = last((("f", b"abcdefgh"),), Open(1, "f"), Write(1, 3, b"DE"))
    assert [type(effect) for effect in effects] == [PageEffect, PageEffect]


def test_a_write_past_the_end_fills_up_with_zeros() -> None:
    interpreter, _ = run((("f", b"a"),), Open(1, "f"), Write(1, 3, b"b"))
    assert interpreter.image() == (("f", b"a\0\0b"),)


def test_an_append_goes_to_the_end_that_the_file_has_by_then() -> None:
    steps = (Open(1, "f"), Open(2, "f"), Write(1, None, b"1"), Write(2, None, b"2"))
    assert run((("f", b"0"),), *steps)[0].image() == (("f", b"012"),)


def test_an_o_sync_write_ends_in_a_barrier() -> None:
    effects = last((("f", b""),), Open(1, "f"), Write(1, None, b"1", sync=True))
    assert [type(effect) for effect in effects] == [PageEffect, SizeEffect, FileBarrier]


def test_creating_a_file_is_a_name_effect_and_opening_one_is_none() -> None:
    created, opened = run((), Open(1, "f", create=True), Open(2, "f", create=True))[1]
    assert [type(effect) for effect in created] == [NameEffect]
    assert opened == []


def test_truncating_an_empty_file_has_no_effect() -> None:
    assert last((("f", b""),), Open(1, "f", truncate=True)) == []
    assert last((("f", b""),), Open(1, "f"), SetSize(1, 0)) == []


def test_shrinking_drops_pages_and_clears_the_rest_of_the_last() -> None:
    size, page = last((("f", b"abcdefghij"),), Open(1, "f"), SetSize(1, 2))
    assert isinstance(size, SizeEffect)
    assert (size.size, size.shrinks, size.first_page) == (2, True, 1)
    assert isinstance(page, PageEffect)
    assert (page.page, page.content) == (0, b"ab\0\0")


def test_a_page_that_was_dropped_comes_back_as_a_new_generation() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"x"), SetSize(1, 0), Write(1, 0, b"y"))
    _, effects = run((("f", b"a"),), *steps)
    before, shrink, after = effects[1][0], effects[2][0], effects[3][0]
    assert isinstance(before, PageEffect)
    assert isinstance(after, PageEffect)
    assert before.generation == 0
    assert after.generation == shrink.number


def test_a_step_on_an_open_file_stays_with_it_through_rename_and_unlink() -> None:
    steps = (
        Open(1, "f"),
        Rename("f", "g"),
        Open(2, "f", create=True),
        Write(1, None, b"old"),
        Write(2, None, b"new"),
        Unlink("g"),
        Write(1, None, b"gone"),
    )
    assert run((("f", b""),), *steps)[0].image() == (("f", b"new"),)


def test_both_names_of_a_link_are_one_inode() -> None:
    interpreter, _ = run((("f", b""),), Link("f", "g"), Open(1, "g"), Write(1, None, b"x"))
    assert interpreter.image() == (("f", b"x"), ("g", b"x"))
    assert len({inode for _, inode in interpreter.tree()}) == 1


def test_a_rename_changes_two_entries_and_says_whether_it_replaces() -> None:
    (first,) = last((("a", b""),), Rename("a", "b"))
    (second,) = last((("a", b""), ("b", b"")), Rename("a", "b"))
    assert isinstance(first, NameEffect)
    assert isinstance(second, NameEffect)
    assert first.changes == ((ROOT, "a", None), (ROOT, "b", first.subject))
    assert (first.replaces, second.replaces) == (False, True)


def test_a_directory_that_replaces_an_empty_one_has_no_data_to_wait_for() -> None:
    (effect,) = last((("a", None), ("b", None)), Rename("a", "b"))
    assert isinstance(effect, NameEffect)
    assert not effect.replaces


def test_a_rename_between_two_names_of_one_file_does_nothing() -> None:
    interpreter, effects = run((("a", b""),), Link("a", "b"), Rename("a", "b"))
    assert effects[-1] == []
    assert [path for path, _ in interpreter.tree()] == ["a", "b"]


def test_closing_a_rewritten_file_is_an_effect() -> None:
    rewritten = (Open(1, "f", truncate=True), Write(1, None, b"x"), Close(1))
    cut_down = (Open(1, "f"), SetSize(1, 0), Write(1, None, b"x"), Close(1))
    for steps in (rewritten, cut_down):
        assert [type(effect) for effect in last((("f", b"a"),), *steps)] == [RewriteClosed]


@pytest.mark.parametrize(
    "steps",
    [
        (Open(1, "f"), Write(1, None, b"x"), Close(1)),
        (Open(1, "f", truncate=True), Close(1)),
        (Open(1, "f", truncate=True), Write(1, None, b""), Close(1)),
        (Open(1, "f"), SetSize(1, 1), Write(1, None, b"x"), Close(1)),
        (Open(1, "new", create=True, truncate=True), Write(1, None, b"x"), Close(1)),
    ],
    ids=["appended", "only truncated", "nothing written", "cut, but not to zero", "new"],
)
def test_any_other_close_has_none(steps: tuple[Step, ...]) -> None:
    assert last((("f", b"abc"),), *steps) == []


def test_a_barrier_knows_the_last_change_that_it_has_to_commit() -> None:
    steps = (
        Open(1, "a", create=True),  # effect 1
        Write(1, None, b"x"),  # 2: page, 3: size
        Write(1, 0, b"y"),  # 4: page
        Rename("a", "b"),  # 5
        Open(2, "c", create=True),  # 6
        Fsync(1),
        Fsync(1, data_only=True),
        Fsync("b"),
        Fsync(""),
        SyncAll(),
    )
    _, effects = run((), *steps)
    (full,), (data,), (by_name,), (folder,), (everything,) = effects[5:]
    assert isinstance(full, FileBarrier)
    assert isinstance(data, FileBarrier)
    assert isinstance(by_name, FileBarrier)
    assert isinstance(folder, DirectoryBarrier)
    assert isinstance(everything, SyncBarrier)
    assert (full.horizon, data.horizon, by_name.horizon, folder.horizon) == (5, 3, 5, 6)
    assert full.inode == data.inode == by_name.inode
    assert folder.inode == ROOT


def test_links_and_directories_are_in_the_image() -> None:
    interpreter, _ = run((), Mkdir("d"), Symlink("d/l", "../x"), Mkdir("e"), Rmdir("e"))
    assert interpreter.image() == (("d", None), ("d/l", SymbolicLink("../x")))


def test_a_fresh_image_shares_the_bytes_of_files_that_did_not_change() -> None:
    big = b"x" * 100
    interpreter, _ = run((("big", big), ("f", b"")), Open(1, "f"), Write(1, None, b"1"))
    first, second = interpreter.image(), interpreter.image()
    assert first[0][1] is big
    assert first[1][1] is second[1][1]


BASE: Image = (("d", None), ("d/f", b"x"), ("f", b"x"), ("l", SymbolicLink("f")))


@pytest.mark.parametrize(
    "steps",
    [
        (Open(1, "none"),),
        (Open(1, "no/f", create=True),),
        (Open(1, "f/g", create=True),),
        (Write(1, None, b"x"),),
        (Open(1, "f"), Close(1), Write(1, None, b"x")),
        (Open(1, "f"), Close(1), Close(1)),
        (SetSize(1, 0),),
        (Fsync(1),),
        (Fsync("none"),),
        (Rename("none", "g"),),
        (Rename("f", "no/g"),),
        (Link("none", "g"),),
        (Unlink("none"),),
        (Rmdir("none"),),
        (Mkdir("no/d"),),
        (Symlink("no/l", "f"),),
        (Open(1, "d", truncate=True), Write(1, None, b"x")),
        (Mkdir("d"),),
        (Link("f", "d/f"),),
        (Symlink("f", "d"),),
        (Rmdir("d"),),
        (Rmdir("f"),),
        (Unlink("d"),),
        (Rename("f", "d"),),
        (Rename("d", "d/e"),),
        (Open(1, "f"), Open(1, "d/f")),
    ],
    ids=str,
)
def test_a_step_that_cannot_follow_is_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(TraceImpossible):
        run(BASE, *steps)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TraceImpossible, match="d/g does not exist at this point"):
        run(BASE, Unlink("d/g"))
    with pytest.raises(TraceImpossible, match="handle 7 is not open"):
        run(BASE, Close(7))
    with pytest.raises(TraceImpossible, match="f is not a directory"):
        run(BASE, Mkdir("f/d"))
