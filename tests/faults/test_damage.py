"""Damages: what each does to an image, and which there are to try."""

from collections import Counter

import pytest

from tornwrite.faults.damage import (
    Damage,
    Duplicated,
    Emptied,
    Fill,
    FlippedBit,
    ForeignFile,
    Overwritten,
    ReplacedByDirectory,
    ReplacedByLink,
    StaleBlock,
    Truncated,
    Unreadable,
    Vanished,
    apply,
    kind,
    printable,
    words,
)
from tornwrite.faults.damage_choices import LARGE, Choice, Links, foreign, role, to_file
from tornwrite.faults.images import Image, SymbolicLink, materialise, read_image
from tornwrite.faults.read_errors import ReadFails

LINES = b'{"n":1}\n{"n":2}\n{"n":3}\n'
IMAGE: Image = (("a.jsonl", LINES), ("b.jsonl", b'{"n":9}\n'), ("d", None), ("d/c", b"x"))
LINKS = Links("../outside/target", "../outside/missing")
ALL, SOME = Choice(True, "0"), Choice(False, "0")


def content(image: Image, path: str = "a.jsonl") -> object:
    return dict(image)[path]


@pytest.mark.parametrize(
    ("damage", "becomes"),
    [
        (FlippedBit("a.jsonl", 1, 0), LINES.replace(b'"n":1', b'#n":1')),
        (FlippedBit("a.jsonl", 1, 7), LINES[:1] + b"\xa2" + LINES[2:]),
        (Overwritten("a.jsonl", 0, 8, Fill.ZEROS), bytes(8) + LINES[8:]),
        (Overwritten("a.jsonl", 16, 8, Fill.ONES), LINES[:16] + b"\xff" * 8),
        (Truncated("a.jsonl", 8), LINES[:8]),
        (Emptied("a.jsonl"), b""),
        (StaleBlock("a.jsonl", 8, b"older"), LINES[:8] + b"older" + LINES[13:]),
        (ReplacedByDirectory("a.jsonl"), None),
        (ReplacedByLink("a.jsonl", "b.jsonl"), SymbolicLink("b.jsonl")),
        (Unreadable("a.jsonl", ReadFails.READ), LINES),
    ],
    ids=lambda value: kind(value) if not isinstance(value, bytes | SymbolicLink | None) else "",
)
def test_a_damage_changes_its_file_and_nothing_else(damage: Damage, becomes: object) -> None:
    damaged = apply(IMAGE, damage)
    assert content(damaged) == becomes
    assert damaged[1:] == IMAGE[1:]


def test_a_file_can_go_and_others_can_come() -> None:
    assert apply(IMAGE, Vanished("a.jsonl")) == IMAGE[1:]
    more = apply(IMAGE, ForeignFile("b", b"x"))
    assert [path for path, _ in more] == ["a.jsonl", "b", "b.jsonl", "d", "d/c"]
    assert content(apply(IMAGE, Duplicated("a.jsonl", "z")), "z") == LINES


def test_garbage_is_the_same_for_the_same_seed() -> None:
    first, again, other = (
        apply(IMAGE, Overwritten("a.jsonl", 0, 24, Fill.GARBAGE, seed)) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert content(first) != LINES


@pytest.mark.parametrize(
    "damage",
    [
        Vanished("nothing"),
        Vanished("d"),
        Truncated("a.jsonl", 1000),
        FlippedBit("a.jsonl", 24, 0),
        Overwritten("a.jsonl", 20, 8, Fill.ZEROS),
    ],
    ids=words,
)
def test_damage_to_what_is_not_there_is_an_error(damage: Damage) -> None:
    with pytest.raises(ValueError, match="damage"):
        apply(IMAGE, damage)


def tried(choice: Choice, image: Image = IMAGE, path: str = "a.jsonl") -> list[Damage]:
    return list(to_file(image, path, LINKS, [b'{"n":0}\n'], choice))


def test_all_means_a_bit_of_every_byte_and_every_size() -> None:
    every = tried(ALL)
    flips = [one for one in every if isinstance(one, FlippedBit)]
    assert [one.offset for one in flips] == list(range(len(LINES)))
    assert {one.bit for one in flips} == set(range(8))
    assert {one.size for one in every if isinstance(one, Truncated)} == set(range(1, len(LINES)))
    assert Counter(kind(one) for one in every)["replaced by a link"] == 4


def test_some_has_every_kind_of_content_damage() -> None:
    kinds = {kind(one) for one in tried(SOME)}
    assert {"bit flipped", "truncated", "reads as zeros", "reads as 0xFF", "older content"} <= kinds
    assert len(tried(SOME)) < len(tried(ALL)) / 3


def test_of_a_later_file_only_new_lines_are_damaged() -> None:
    known = frozenset([b'{"n":1}', b'{"n":2}', b""])
    flips = [
        one.offset
        for one in to_file(IMAGE, "a.jsonl", LINKS, [], ALL, known)
        if isinstance(one, FlippedBit)
    ]
    assert flips
    assert all(16 <= offset < 24 for offset in flips)


def test_every_bit_of_a_byte_is_flipped_somewhere_in_later_files() -> None:
    image: Image = (("a", bytes(range(32, 127)) * 2),)
    flips = [one for one in to_file(image, "a", LINKS, [], ALL, ()) if isinstance(one, FlippedBit)]
    assert {one.bit for one in flips} == set(range(8))
    assert len(flips) < 110


def test_of_a_large_file_the_ends_and_edges_are_damaged() -> None:
    image: Image = (("big", b"x" * (LARGE * 3)),)
    offsets = {one.offset for one in tried(ALL, image, "big") if isinstance(one, FlippedBit)}
    assert {0, LARGE * 3 - 1, 511, 512} <= offsets
    assert len(offsets) < LARGE


@pytest.mark.parametrize("choice", [ALL, SOME], ids=["all", "some"])
def test_no_two_damages_of_an_image_have_the_same_words(choice: Choice) -> None:
    said = Counter(words(one) for one in tried(choice))
    said.update(words(one) for one in foreign(IMAGE, ["a.jsonl", "a.tmp"], choice))
    assert [text for text, count in said.items() if count > 1] == []


@pytest.mark.parametrize("choice", [ALL, SOME], ids=["all", "some"])
def test_every_damaged_image_can_be_laid_down(
    choice: Choice, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for damage in (*tried(choice)[-30:], *foreign(IMAGE, ["a.jsonl"], choice)):
        root = str(tmp_path_factory.mktemp("image"))
        image = apply(IMAGE, damage)
        materialise(image, root)
        assert read_image(root) == image


def test_the_same_seed_gives_the_same_choice() -> None:
    assert tried(SOME) == tried(SOME)
    assert tried(SOME) != tried(Choice(False, "1"))


def test_foreign_files_look_like_the_programs_own_too() -> None:
    found = {one.path: one for one in foreign(IMAGE, ["a.jsonl", "a.jsonl.tmp"], SOME)}
    assert {"a.jsonl~", ".DS_Store", "foreign.jsonl", "foreign.jsonl.tmp"} <= found.keys()
    assert found["foreign.jsonl.tmp"].passing
    assert not found["foreign.jsonl"].passing
    assert any("\udce9" in path for path in found)
    assert any(len(path) == 255 for path in found)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("chat_1.jsonl", "*.jsonl"),
        ("a/b.meta.json", "*.meta.json"),
        (".lock", ".lock"),
        ("x.jsonl.0000000012", "*.jsonl.#"),
        ("x.jsonl.damaged-0123456789ab", "*.jsonl.damaged-#"),
        ("plain", "*"),
    ],
)
def test_the_role_of_a_file_follows_from_its_name(path: str, told: str) -> None:
    assert role(path) == told


def test_words_can_be_printed_whatever_the_name() -> None:
    assert printable("caf\udce9 x\n") == "caf\\udce9\\x20x\\x0a".replace("\\udce9", "\\xe9")
    assert len(printable("n" * 255)) < 60
