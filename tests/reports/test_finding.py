"""A finding on a terminal: in how many columns, and nothing of it taken for markup."""

import io
import os
from dataclasses import replace

import pytest
from rich.console import Console

from support.shown import FINDING, RESULT, line_with, shown
from tornwrite.model.results import Stage, StepLine
from tornwrite.reports.finding import STEPS_SHOWN, finding


def test_a_finding_says_what_promised_recovered_after_and_when() -> None:
    text = shown(finding(FINDING, "finding 1 of 1"))
    for said in (
        "finding 1 of 1",
        "lost: an acknowledged change is gone (chat:1)",
        "durable: an acknowledged change survives",
        "2 messages ['a', 'b']",
        "1 message ['a']; 1 missing",
        "the recovery, then compact(key='chat:1')",
        "after step 1; in flight: truncate_history(key='chat:1')",
        "last acknowledged: add_message(key='chat:1')",
        "ext4 is the strongest that shows it; all that do: ext4, posix",
        "also in compact, replace (7 images together)",
    ):
        assert said in text


ALL = ("kill", "ext4", "xfs", "btrfs", "posix")


@pytest.mark.parametrize(
    ("profiles", "judged", "said"),
    [
        (("ext4", "posix"), ALL, "ext4 is the strongest that shows it; all that do: ext4, posix"),
        (
            ("ext4", "crash in recovery"),
            ALL,
            "ext4 is the strongest that shows it; all that do: ext4",
        ),
        (("posix",), ("posix",), "posix, the only one judged"),
        (("posix",), ("kill", "posix"), "shown by posix, not by kill; no other was judged"),
        (("kill", "posix"), ("kill", "posix"), "shown by kill and posix; no other was judged"),
    ],
)
def test_what_shows_it_is_told_of_what_was_judged(
    profiles: tuple[str, ...], judged: tuple[str, ...], said: str
) -> None:
    one = replace(FINDING, profile=profiles[0], profiles=profiles, judged=judged)
    assert f"{said} " in shown(finding(one, "t"))


ONLY_POSIX = "power losses were judged under posix only, which says nothing of any other profile"


@pytest.mark.parametrize(
    ("lane", "profile", "said"),
    [
        ("errors", "errors", "errors"),
        ("errors", "kill", "errors; then the process was killed"),
        ("errors", "posix", f"errors; {ONLY_POSIX}"),
        ("full disk", "posix", f"full disk; {ONLY_POSIX}"),
    ],
)
def test_a_lane_calls_no_profile_the_strongest(lane: str, profile: str, said: str) -> None:
    text = shown(finding(replace(FINDING, lane=lane, profile=profile, profiles=(lane,)), "t"))
    assert f"fault     {said} " in text
    assert "strongest" not in text


def test_all_lanes_that_show_it_are_named() -> None:
    one = replace(FINDING, lane="errors", profile="errors", profiles=("errors", "full disk"))
    assert "fault     errors; full disk " in shown(finding(one, "t"))
    plain = replace(FINDING, profiles=("ext4", "kill, then power", "errors"))
    assert "also by   kill, then power; errors " in shown(finding(plain, "t"))


def test_what_takes_no_crash_is_not_told_as_one() -> None:
    text = shown(
        finding(replace(FINDING, lane="errors", profile="errors", profiles=("errors",)), "t")
    )
    assert "when      after step 1" in text
    assert "steps until then" in text
    assert "what is there then" in text
    assert "crash" not in text
    power = replace(FINDING, lane="errors", profile="posix", profiles=("errors",))
    assert "crash     after step 1" in shown(finding(power, "t"))


def test_who_did_what_is_told_process_by_process_and_in_order() -> None:
    stages = (
        Stage("first process", ("open()",), ("add()",), "killed after step 1", "kill", 1),
        Stage("next process", ("open()", "cut()"), (), "the power failed after step 3", "posix", 4),
    )
    lane = "kill, then power"
    one = replace(FINDING, stages=stages, lane=lane, profile="posix", profiles=(lane,))
    text = shown(finding(one, "t"))
    lines = text.splitlines()
    assert "open() had returned, add() had not; killed after step 1" in line_with(
        "first process ", lines
    )
    assert "open(), cut() had returned; the power failed after step 3" in line_with(
        "next process ", lines
    )
    assert f"{lane}; {ONLY_POSIX}" in text
    places = [
        text.index(said)
        for said in (
            "first process ", "next process ", "promised", "steps of both processes",
            "first process:", "open chat_1.jsonl", "next process:", "write 1 B at 0",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "in flight" not in text


def test_a_recovery_that_crashed_is_told_apart_from_the_run_before() -> None:
    stages = (
        Stage("first process", tuple("abcde"), (), "the power failed after step 5", "posix", None),
        Stage("recovery", (), ("open()",), "killed before its first step", "kill", 4),
    )
    lane = "crash in recovery"
    one = replace(FINDING, stages=stages, lane=lane, profile=lane, profiles=(lane,))
    text = shown(finding(one, "t"))
    assert "2 earlier operations, c, d, e had returned; the power failed after step 5" in text
    assert "open() had not returned; killed before its first step" in text
    assert "steps of recovery" in text
    assert ONLY_POSIX in text


@pytest.mark.parametrize(
    ("images", "also_in", "said"),
    [
        (0, (), "append "),
        (1, (), "append (1 image) "),
        (2, (), "append (2 images) "),
        (0, ("cut",), "append; also in cut "),
        (1, ("cut",), "append; also in cut (1 image together) "),
    ],
)
def test_images_are_counted_where_there_are_any(
    images: int, also_in: tuple[str, ...], said: str
) -> None:
    one = replace(FINDING, images=images, also_in=also_in)
    assert f"scenario  {said}" in shown(finding(one, "t"))


def test_a_finding_marks_each_step_and_names_the_operation_once() -> None:
    lines = shown(finding(FINDING, "t")).splitlines()
    assert "✓" in line_with("open chat_1.jsonl (create)", lines)
    assert "✗" in line_with("write 9 B at end of chat_1.jsonl  not on disk", lines)
    assert "~" in line_with("write 1 B at 0 of chat_1.jsonl  in part", lines)
    assert sum("add()" in line for line in lines) == 1
    assert sum("cut()" in line for line in lines) == 1


def test_a_finding_points_at_the_step_to_protect_and_its_source() -> None:
    lines = shown(finding(FINDING, "t")).splitlines()
    assert "write 9 B" in line_with("← protect this", lines)
    assert any("protect" in line and "step 1, write 9 B at end" in line for line in lines)
    assert "at store.py:8 in Store.add" in "\n".join(lines)
    assert "from driver.py:3 in apply" in "\n".join(lines)


def test_a_step_that_came_after_its_answer_is_told_so() -> None:
    (first, *rest) = FINDING.steps
    late = replace(first, number=9, fate="not done yet")
    one = replace(FINDING, steps=(first, *rest, late), protect=9)
    text = shown(finding(one, "t"))
    assert "✗ open chat_1.jsonl (create)  not done yet  ← the answer came before this" in text
    assert "step 9, open chat_1.jsonl (create): answer only when it is done" in text


def test_a_finding_shows_what_the_crash_left() -> None:
    lines = shown(finding(FINDING, "t")).splitlines()
    assert any("9 B b'{...}'" in line and "chat_1.jsonl" in line for line in lines)
    assert any("directory" in line and "folder" in line for line in lines)


def test_a_cut_write_is_told_by_its_bytes() -> None:
    text = shown(finding(replace(FINDING, cut=5), "t"))
    assert "during step 2, 5 bytes of the write done" in text


def test_a_crash_before_anything_is_told_so() -> None:
    bare = replace(FINDING, point=0, steps=(), in_flight=(), acknowledged=(), protect=None)
    text = shown(finding(bare, "t"))
    assert "before the first step; nothing in flight" in text
    assert "protect" not in text


def test_of_many_steps_the_last_are_shown_and_the_others_counted() -> None:
    steps = tuple(StepLine(n, f"step-{n:03}-", "on disk", (), "run()") for n in range(100))
    text = shown(finding(replace(FINDING, steps=steps, protect=None), "t"))
    assert text.count("step-") == STEPS_SHOWN
    assert "step-099-" in text
    assert f"{100 - STEPS_SHOWN} earlier steps" in text


def test_the_step_to_protect_is_named_even_when_it_is_an_earlier_one() -> None:
    steps = tuple(StepLine(n, f"step-{n:03}-", "on disk", (), "run()") for n in range(100))
    text = shown(finding(replace(FINDING, steps=steps, protect=3), "t"))
    assert "step 3, step-003-" in text


def test_a_subject_in_a_title_is_no_picture() -> None:
    assert "notes.py:notes: finding 1" in shown(finding(FINDING, "notes.py:notes: finding 1"))


def test_what_is_wrong_without_a_crash_shows_no_steps() -> None:
    live = replace(FINDING, profile="no crash", profiles=("no crash",), protect=None)
    text = shown(finding(live, "t"))
    assert "none is needed" in text
    assert "profiles" not in text
    assert "steps until the crash" not in text


def test_what_a_store_says_is_no_markup() -> None:
    nasty = "[bold]x[/bold] [/nope] [link=http://x]"
    violation = replace(
        FINDING.violation, about=nasty, promised=nasty, recovered=nasty, after=nasty
    )
    one = replace(
        FINDING,
        violation=violation,
        files=((nasty, nasty),),
        steps=(StepLine(1, nasty, "on disk", (nasty,), nasty),),
        in_flight=(nasty,),
        replay=nasty,
        scenario=nasty,
        also_in=(nasty,),
    )
    text = shown(finding(one, "t"), width=1000)
    assert text.count(nasty) >= 12
    assert nasty in shown(replace(RESULT, notes=(nasty,), subject=nasty), width=1000)


def test_a_file_name_that_is_no_utf_8_can_be_shown() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"), width=80)
    console.print(finding(replace(FINDING, files=((os.fsdecode(b"\xff"), "0 B"),)), "t"))


def test_the_replay_command_can_be_copied_from_eighty_columns() -> None:
    assert FINDING.replay in shown(RESULT, width=80)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(finding(FINDING, "t"), width).splitlines())) <= width
