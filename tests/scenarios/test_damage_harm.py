"""What a damage means: whose file it is, what is left to read, what nobody can notice."""

import pytest

from tornwrite.faults.damage import (
    Damage,
    Emptied,
    FlippedBit,
    ForeignFile,
    ReplacedByDirectory,
    StaleBlock,
    Truncated,
    Unreadable,
    Vanished,
    apply,
)
from tornwrite.faults.images import Image
from tornwrite.faults.read_errors import ReadFails
from tornwrite.model.damage import Harm, Unnoticed
from tornwrite.model.operation import canonical
from tornwrite.scenarios.damage.harm import harm_of, message_in, owners, ruined
from tornwrite.scenarios.damage.recovery import OnDisk

ONE, TWO = (canonical({"n": number}) for number in (1, 2))
IMAGE: Image = (("a.jsonl", b'{"n":1}\n{"n":2,"crc32":"00000000"}\n'), ("b.jsonl", b'{"n":3}\n'))
DOCUMENT: Image = (("a.json", b'{\n "n": 1\n}\n'),)
NOBODY: frozenset[bytes] = frozenset()


def harm(damage: Damage, unchecked: frozenset[bytes] = NOBODY) -> Harm:
    shown = frozenset({ONE, TWO})
    return harm_of(IMAGE, damage, frozenset({"a"}), shown, unchecked, frozenset(), {})


def test_a_file_is_of_whom_it_is_named_after_and_of_who_changes_without_it() -> None:
    assert owners("chat_1.meta.json", ["chat:1", "chat:2", "c"], []) == {"chat:1"}
    assert owners("d/chat_1.jsonl", ["chat:1", "chat/1"], ["other"]) == {
        "chat:1",
        "chat/1",
        "other",
    }
    assert owners(".lock", ["a", "b"], []) == frozenset()


def test_a_check_is_no_part_of_a_message() -> None:
    assert message_in(b'{"n":2,"crc32":"00000000"}') == TWO
    assert message_in(b"[1]") is None
    assert message_in(b"torn") is None


def test_whole_lines_are_readable_whatever_became_of_the_others() -> None:
    assert harm(FlippedBit("a.jsonl", 1, 0)).readable == {TWO}
    assert harm(Truncated("a.jsonl", 12)).readable == {ONE}
    assert harm(Unreadable("a.jsonl", ReadFails.READ)).readable == frozenset()


def test_what_damage_took_is_counted_in_whole_lines_of_its_file() -> None:
    line = IMAGE[1][1]
    assert isinstance(line, bytes)
    repeated: Image = (("a.jsonl", line * 3), ("b.jsonl", line))
    damage = FlippedBit("a.jsonl", len(line), 0)
    found = harm_of(repeated, damage, frozenset({"a"}), NOBODY, NOBODY, frozenset(), {})
    assert found.taken == {canonical({"n": 3}): 1}


def test_a_line_whose_check_was_damaged_is_taken_too() -> None:
    assert harm(FlippedBit("a.jsonl", 26, 0)).taken == {TWO: 1}


@pytest.mark.parametrize(
    ("damage", "excuse"),
    [
        (Vanished("a.jsonl"), {Unnoticed.GONE}),
        (Emptied("a.jsonl"), {Unnoticed.SHORTENED}),
        (Truncated("a.jsonl", 8), {Unnoticed.SHORTENED}),
        (Truncated("a.jsonl", 12), set()),
        (StaleBlock("a.jsonl", 0, b"x"), {Unnoticed.OLDER}),
        (FlippedBit("a.jsonl", 12, 0), set()),
        (ReplacedByDirectory("a.jsonl"), set()),
    ],
    ids=str,
)
def test_a_damage_is_excused_for_what_no_format_can_tell(
    damage: Damage, excuse: set[Unnoticed]
) -> None:
    assert harm(damage).unnoticed == excuse


def test_lines_of_others_have_no_check() -> None:
    others = frozenset({b'{"n":1}'})
    assert harm(FlippedBit("a.jsonl", 1, 0), others).unnoticed == {Unnoticed.UNCHECKED}
    assert harm(FlippedBit("a.jsonl", 12, 0), others).unnoticed == frozenset()


def test_a_foreign_file_is_nobodys() -> None:
    found = harm(ForeignFile("a.jsonl~", b"x"))
    assert found.owners == frozenset()
    assert found.adds


# What is gone from the disk


def gone(image: Image, damage: Damage, after: Image, *shown: bytes) -> tuple[str, ...]:
    disk = [OnDisk(after, None)]
    return ruined(image, damage, frozenset({ONE, TWO}), disk, {0: frozenset(shown)})


def test_a_line_that_was_whole_must_stay_or_be_shown() -> None:
    rot = FlippedBit("a.jsonl", 1, 0)
    assert gone(IMAGE, rot, apply(IMAGE, rot)) == ()
    assert "no file holds this line" in gone(IMAGE, rot, IMAGE[1:])[0]
    assert gone(IMAGE, rot, IMAGE[1:], TWO) == ()
    elsewhere: Image = (*IMAGE[1:], ("kept", b'xx{"n":2,"crc32":"00000000"}'))
    assert gone(IMAGE, rot, elsewhere) == ()


def test_a_message_that_nobody_sees_any_more_may_go() -> None:
    rot = FlippedBit("a.jsonl", 12, 0)
    disk = [OnDisk((), None)]
    assert ruined(IMAGE, rot, frozenset(), disk, {0: NOBODY}) == ()


def test_what_is_about_to_be_taken_away_may_go() -> None:
    rot = FlippedBit("a.jsonl", 1, 0)
    passing = frozenset({"a.jsonl"})
    live = frozenset({ONE, TWO})
    assert ruined(IMAGE, rot, live, [OnDisk((), None)], {0: NOBODY}, passing) == ()


def test_a_document_that_cannot_be_read_must_stay_whole() -> None:
    rot = FlippedBit("a.json", 0, 0)
    damaged = apply(DOCUMENT, rot)
    assert gone(DOCUMENT, rot, damaged) == ()
    moved: Image = (("a.json.damaged", damaged[0][1]),)
    assert gone(DOCUMENT, rot, moved) == ()
    assert "damaged bytes of a.json" in gone(DOCUMENT, rot, DOCUMENT)[0]


def test_a_foreign_file_must_stay_unless_the_program_makes_such_files() -> None:
    for passing, found in ((False, 1), (True, 0)):
        foreign = ForeignFile("a.tmp", b"not yours", passing)
        assert gone(IMAGE, foreign, apply(IMAGE, foreign)) == ()
        assert len(gone(IMAGE, foreign, IMAGE)) == found
    folder = ForeignFile("folder", None)
    assert len(gone(IMAGE, folder, IMAGE)) == 1
