"""Known findings: how a run is held against them, how a file keeps them, what the gate says."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

import support.key_values
from tornwrite.cli import main
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profiles import KNOWN
from tornwrite.model.baseline import as_known, changes, compared, looked_for, rewritten, same
from tornwrite.model.results import (
    NO_CRASH,
    Finding,
    GateResult,
    KnownFinding,
    Row,
    Standing,
    StepLine,
    worst,
)
from tornwrite.model.verdict import Kind, Promise, Verdict, Violation
from tornwrite.scenarios.baseline_file import read_baseline, strengths, write_baseline
from tornwrite.scenarios.subject import WrongUse

PASSED, VIOLATED, WRONG_USE, NO_VERDICT = 0, 1, 2, 3

SITES = ("store.py:40 in Store.save", "store.py:12 in Store.put")


def step(sites: tuple[str, ...] = SITES, text: str = "write 5 B at 0 of a") -> StepLine:
    return StepLine(3, text, "not on disk", sites, "put(key='a', value='first')")


def found(
    kind: Kind = Kind.LOST,
    *,
    profiles: tuple[str, ...] = ("posix",),
    scenario: str = "put",
    also_in: tuple[str, ...] = (),
    after: str = "",
    protect: StepLine | None = step(),  # noqa: B008 (a frozen value)
    lane: str = "",
    promise: str = "kept",
) -> Finding:
    return Finding(
        scenario=scenario,
        profile=profiles[0],
        profiles=profiles,
        violation=Violation(kind, Promise(promise, "it stays"), "a", "x", "y", after),
        images=2,
        point=4,
        cut=None,
        image="e3b0c44298fc1c14",
        acknowledged=(),
        in_flight=(),
        steps=(protect,) if protect else (),
        protect=3 if protect else None,
        files=(),
        replay="tornwrite replay",
        also_in=also_in,
        lane=lane,
    )


def row(scenario: str, profile: str, verdict: Verdict = Verdict.PASSED, **more: Any) -> Row:
    return Row(
        **{
            "scenario": scenario,
            "profile": profile,
            "verdict": verdict,
            "operations": 2,
            "points": 9,
            "judged": 9,
            "possible": 9,
            "complete": True,
            "stopped": "",
            "findings": 0,
            "seconds": 0.1,
            **more,
        }
    )


def result(
    *findings: Finding,
    rows: tuple[Row, ...] | None = None,
    effort: str = "ci",
    seed: int = 0,
    notes: tuple[str, ...] = (),
    subject: str = "mine:store",
) -> GateResult:
    """A run of `put` and `delete` under `kill`, `ext4` and `posix`, or with these rows."""
    if rows is None:
        shown = {
            (name, profile)
            for one in findings
            for name in (one.scenario, *one.also_in)
            for profile in one.profiles
        }
        rows = tuple(
            row(name, at, Verdict.VIOLATED if (name, at) in shown else Verdict.PASSED)
            for name in ("put", "delete")
            for at in ("kill", "ext4", "posix")
        )
    verdicts = [one.verdict for one in rows] + [Verdict.HARNESS_BROKEN] * bool(notes)
    return GateResult(
        subject, (), seed, 100, worst(verdicts), rows, findings, notes, 1.0, effort=effort
    )


def known(*findings: Finding, of: GateResult | None = None) -> tuple[KnownFinding, ...]:
    """The baseline that a run with these findings leaves."""
    return rewritten((), of or result(*findings))


def held(run: GateResult, baseline: tuple[KnownFinding, ...], **more: Any) -> GateResult:
    return compared(run, baseline, strengths(), "known.json", **more)


def standings(run: GateResult) -> list[tuple[Standing | None, str]]:
    return [(one.standing, one.remark) for one in run.findings]


NEW, OLD = Standing.NEW, Standing.KNOWN


# When two findings are the same


def test_what_is_known_violates_nothing() -> None:
    run = held(result(found()), known(found()))
    assert (run.verdict, standings(run), run.vanished) == (Verdict.PASSED, [(OLD, "")], ())


def test_with_nothing_known_all_is_new_and_violates() -> None:
    run = held(result(found()), ())
    assert (run.verdict, standings(run)) == (Verdict.VIOLATED, [(NEW, "")])


@pytest.mark.parametrize(
    "edited",
    [
        found(protect=step(("store.py:90 in Store.save", "other.py:1 in f"))),
        found(protect=step(("src/store.py:40 in Store.save",))),
        found(protect=step(text="write 700 B at end of other-file")),
        replace(found(), image="ffff", point=9, images=700, replay="another"),
        replace(found(), violation=replace(found().violation, about="b", recovered="z")),
        found(protect=step(("/usr/lib/python3.11/shutil.py:2 in copy", *SITES))),
        found(protect=step(())),  # strace tells no functions
    ],
)
def test_an_unrelated_edit_leaves_a_finding_known(edited: Finding) -> None:
    assert standings(held(result(edited), known(found()))) == [(OLD, "")]


@pytest.mark.parametrize(
    "other",
    [
        found(promise="another"),
        found(after="put(key='b')"),
        found(protect=step(("store.py:40 in Store.index",))),
        found(protect=step(text="rename a.tmp -> a")),
        found(protect=replace(step(), operation="delete(key='a')")),
        replace(found(protect=None), steps=()),
    ],
)
def test_another_cause_is_another_finding(other: Finding) -> None:
    run = held(result(other), known(found()))
    assert standings(run) == [(NEW, "")]
    assert [one.function for one in run.vanished] == ["Store.save"]


def test_where_no_step_was_lost_it_is_the_operation_that_was_last_at_work() -> None:
    (one,) = known(replace(found(), protect=None))
    assert (one.operation, one.step, one.function) == ("put", "", "")


def test_without_any_step_it_is_one_of_its_scenario() -> None:
    def at(scenario: str, lane: str) -> Finding:
        return found(profiles=(lane,), lane=lane, scenario=scenario, protect=None)

    baseline = known(at("put", "errors"), at("delete", "other systems"))
    assert [(one.scenarios, one.profiles) for one in baseline] == [
        (("delete",), ("other systems",)),
        (("put",), ("errors",)),
    ]
    run = held(result(at("put", "other systems"), at("new", "errors")), baseline)
    assert standings(run) == [(NEW, "known, but not under other systems"), (NEW, "")]


def test_another_subject_knows_nothing_of_it() -> None:
    baseline = known(found(), of=result(found(), subject="mine:other"))
    run = held(result(found()), baseline)
    assert (standings(run), run.vanished) == ([(NEW, "")], ())


def test_what_is_left_lying_about_has_no_step_for_a_cause() -> None:
    (one,) = known(found(Kind.LITTER))
    assert (one.operation, one.step, one.function) == ("", "", "")


def test_a_library_has_the_step_when_there_is_nothing_else() -> None:
    (one,) = known(found(protect=step(("/usr/lib/python3.11/dbm/dumb.py:9 in _commit",))))
    assert one.function == "_commit"


# When a known one has got worse


def test_a_further_kind_is_new() -> None:
    run = held(result(found(), found(Kind.TORN)), known(found()))
    assert standings(run) == [(OLD, ""), (NEW, "known as lost, but not as torn")]
    assert run.verdict is Verdict.VIOLATED


def test_a_stronger_profile_is_new_a_weaker_one_is_not() -> None:
    before = known(found(profiles=("ext4-noauto_da_alloc",)))
    worse = held(result(found(profiles=("kill", "ext4", "posix"))), before)
    assert standings(worse) == [(NEW, "known, but not under kill, ext4")]
    assert worse.vanished == ()
    assert standings(held(result(found(profiles=("posix", "sdcard"))), before)) == [(OLD, "")]


def test_a_kill_is_stronger_than_any_loss_of_power() -> None:
    assert standings(held(result(found(profiles=("ext3-journal",))), known(found()))) == [
        (NEW, "known, but not under ext3-journal")
    ]
    run = held(result(found(profiles=("ext4",))), known(found(profiles=("kill",))))
    assert standings(run) == [(OLD, "")]


def test_a_further_lane_or_scenario_is_new() -> None:
    lane = found(profiles=("errors",), lane="errors", protect=None)
    further = found(profiles=("errors", "full disk"), lane="errors", protect=None)
    assert standings(held(result(further), known(lane))) == [
        (NEW, "known, but not under full disk")
    ]
    assert standings(held(result(found(also_in=("delete",))), known(found()))) == [
        (NEW, "known, but not in delete")
    ]
    assert standings(held(result(found()), known(found(also_in=("delete",))))) == [(OLD, "")]


def test_profiles_of_a_user_have_their_place_in_the_order(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.tornwrite.profiles.mine]\nlike = "ext4"\nrename_atomic = false\n'
    )
    order = strengths(user_profiles(str(tmp_path)))
    assert {"kill", "ext4", "mine"} <= order["mine"]
    assert "mine" not in order["ext4"]
    assert {profile.name for profile in KNOWN} == set(strengths())


# Verdicts


def test_what_was_not_measured_is_no_pass_whatever_is_known() -> None:
    rows = (row("put", "posix", Verdict.VIOLATED, otherwise=Verdict.NOT_MEASURED),)
    run = held(result(found(), rows=rows), known(found()))
    assert run.verdict is Verdict.NOT_MEASURED


def test_a_broken_harness_is_no_pass_whatever_is_known() -> None:
    run = held(result(found(), notes=("put: two recorders disagree",)), known(found()))
    assert run.verdict is Verdict.HARNESS_BROKEN
    rows = (row("put", "posix", Verdict.VIOLATED), row("delete", "posix", Verdict.HARNESS_BROKEN))
    assert held(result(found(), rows=rows), known(found())).verdict is Verdict.HARNESS_BROKEN


def test_known_without_a_crash_leaves_the_crashes_unjudged() -> None:
    wrong = found(profiles=(NO_CRASH,), protect=None)
    rows = (row("put", NO_CRASH, Verdict.VIOLATED, otherwise=Verdict.NOT_MEASURED),)
    run = held(result(wrong, rows=rows), known(wrong, of=result(wrong, rows=rows)))
    assert (run.verdict, standings(run)) == (Verdict.NOT_MEASURED, [(OLD, "")])
    assert "no crash of it was judged" in run.notes[0]


def test_what_is_known_may_bar_the_way_to_more() -> None:
    barred = row("put", "crash in recovery", Verdict.NOT_MEASURED, otherwise=Verdict.PASSED)
    rows = (row("put", "posix", Verdict.VIOLATED), barred)
    assert held(result(found(), rows=rows), known(found())).verdict is Verdict.PASSED
    assert held(result(found(), rows=rows), ()).verdict is Verdict.VIOLATED
    assert held(result(rows=rows[1:]), ()).verdict is Verdict.NOT_MEASURED


# What has vanished


def test_what_was_looked_for_and_not_found_has_vanished() -> None:
    (one,) = known(found())
    run = held(result(), (one,))
    assert (run.verdict, run.vanished) == (Verdict.PASSED, (one,))


@pytest.mark.parametrize(
    ("why_not", "rows", "more"),
    [
        ("another scenario only", (row("delete", "posix"),), {}),
        ("another profile only", (row("put", "kill"),), {}),
        ("not measured", (row("put", "posix", Verdict.NOT_MEASURED),), {}),
        (
            "not measured beside another finding",
            (row("put", "posix", Verdict.VIOLATED, otherwise=Verdict.NOT_MEASURED),),
            {},
        ),
        ("broken", (row("put", "posix", Verdict.HARNESS_BROKEN),), {}),
        ("a sample of another seed", (row("put", "posix", complete=False),), {"seed": 1}),
        ("less effort", (row("put", "posix"),), {"effort": "quick"}),
        ("wrong without a crash", (row("put", NO_CRASH, Verdict.VIOLATED),), {}),
        ("another subject", (row("put", "posix"),), {"subject": "mine:other"}),
    ],
)
def test_what_was_not_looked_for_has_not_vanished(
    why_not: str, rows: tuple[Row, ...], more: dict[str, Any]
) -> None:
    before = known(found())
    run = result(rows=rows, **more)
    assert held(run, before, whole=False).vanished == (), why_not
    assert rewritten(before, run, whole=False) == before, why_not


@pytest.mark.parametrize(
    ("rows", "more"),
    [
        ((row("put", "posix", complete=False),), {}),
        ((row("put", "posix"),), {"seed": 1}),
        ((row("put", "posix"),), {"effort": "full"}),
        ((row("put", "posix"), row("delete", "posix", Verdict.NOT_MEASURED)), {}),
    ],
)
def test_as_much_as_found_it_is_enough_to_say_that_it_is_gone(
    rows: tuple[Row, ...], more: dict[str, Any]
) -> None:
    before = known(found())
    assert held(result(rows=rows, **more), before, whole=False).vanished == before


def test_all_its_scenarios_have_to_be_run() -> None:
    before = known(found(also_in=("delete",)))
    half = result(rows=(row("put", "posix"),))
    assert held(half, before, whole=False).vanished == ()
    # Of a subject that was run whole, what was not run is there no longer.
    assert held(half, before, whole=True).vanished == before
    assert held(result(rows=(row("new", "posix"),)), before, whole=True).vanished == before


def test_a_finding_of_a_lane_is_looked_for_by_that_lane() -> None:
    before = known(found(lane="interleavings"))
    assert before[0].profiles == ("interleavings", "posix")
    assert held(result(), before).vanished == ()
    rows = (row("put", "posix"), row("put", "interleavings"))
    assert held(result(rows=rows), before).vanished == before


def test_what_was_wrong_without_a_crash_can_be_gone() -> None:
    before = known(found(profiles=(NO_CRASH,), protect=None))
    assert held(result(), before).vanished == before
    rows = (row("put", NO_CRASH, Verdict.VIOLATED),)
    other = result(found(Kind.TORN, profiles=(NO_CRASH,), protect=None), rows=rows)
    assert held(other, before).vanished == before


# Written anew


def test_reasons_stay_when_it_is_written_anew() -> None:
    (one,) = known(found())
    (again,) = rewritten((replace(one, why="accepted until June"),), result(found()))
    assert again == replace(one, why="accepted until June")


def test_a_run_that_tells_no_functions_takes_none_away() -> None:
    before = known(found())
    assert rewritten(before, result(found(protect=step(())))) == before


def test_a_partial_run_leaves_the_rest_as_it_was() -> None:
    before = known(found(profiles=("ext4", "posix"), also_in=("delete",)), found(Kind.TORN))
    part = result(
        found(profiles=("posix",)), rows=(row("put", "posix", Verdict.VIOLATED),), effort="quick"
    )
    after = rewritten(before, part, whole=False)
    lost, torn = sorted(after, key=lambda one: one.kind.value)
    assert (lost.scenarios, lost.profiles) == (("delete", "put"), ("ext4", "posix"))
    assert lost.effort == "ci"
    assert torn == before[1]
    assert changes(before, after).removed == 0


def test_a_whole_run_narrows_what_has_got_better() -> None:
    before = known(found(profiles=("ext4", "posix"), also_in=("delete",)))
    (after,) = rewritten(before, result(found(profiles=("posix",))))
    assert (after.scenarios, after.profiles) == (("put",), ("posix",))


def test_two_places_in_one_function_are_one_entry() -> None:
    elsewhere = found(
        protect=step(("store.py:99 in Store.save",)), profiles=("ext4",), scenario="delete"
    )
    (one,) = known(found(), elsewhere)
    assert (one.scenarios, one.profiles) == (("delete", "put"), ("ext4", "posix"))


def test_the_order_does_not_depend_on_the_run() -> None:
    some = (found(Kind.TORN), found(promise="a"), found(), found(after="x"))
    assert known(*some) == known(*reversed(some))
    assert len(known(*some)) == 4


def test_what_became_of_it_is_counted() -> None:
    before = known(found(), found(Kind.TORN))
    after = rewritten(before, result(found(), found(promise="new")))
    counted = changes(before, after)
    assert (counted.added, counted.kept, counted.removed) == (1, 1, 1)


def test_one_without_a_function_is_the_same_in_any() -> None:
    in_one, in_none, in_other = (
        as_known(result(), found(protect=step(sites)))
        for sites in (SITES, (), ("store.py:1 in f",))
    )
    assert same(in_one, in_none)
    assert same(in_none, in_other)
    assert not same(in_one, in_other)
    assert looked_for(result(), in_one)


# In a file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A baseline of two findings."""
    path = tmp_path / "known.json"
    write_baseline(str(path), known(found(), found(Kind.TORN)))
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    some = known(found(), found(Kind.TORN, scenario='d"é\n'), found(promise="x", lane="errors"))
    path = tmp_path / "known.json"
    write_baseline(str(path), some)
    assert read_baseline(str(path)) == some
    assert os.listdir(tmp_path) == ["known.json"]
    write_baseline(str(path), ())
    assert read_baseline(str(path)) == ()


def test_a_finding_more_is_a_block_of_lines_more(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_baseline(str(one), known(found()))
    write_baseline(str(two), known(found(), found(Kind.TORN)))
    before, after = one.read_text().splitlines(), two.read_text().splitlines()
    assert [line for line in before if line not in after] == []
    assert len(after) - len(before) == 14


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"  ", b"").replace(b"\n", b""),
        lambda data: data + b"\n\n",
    ],
)
def test_what_editors_do_to_it_does_no_harm(file: Path, change: Callable[[bytes], bytes]) -> None:
    before = read_baseline(str(file))
    file.write_bytes(change(file.read_bytes()))
    assert read_baseline(str(file)) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"lost"', '"lots"', 'line 5: this finding: kind must be one of lost, .*, not "lots"'),
        ('"later": false', '"later": 0', "line 5: this finding: later must be true or false, not"),
        ('"seed": 0', '"seed": true', "line 5: this finding: seed must be a whole number"),
        ('["posix"]', '"posix"', "line 5: this finding: profiles must be a list of names"),
        ('["posix"]', "[]", "line 5: this finding: profiles must be a list of names"),
        ('"effort": "ci"', '"effort": "most"', "line 5: this finding: effort must be one of quick"),
        ('"why": ""', '"why": null', "line 5: this finding: why must be text"),
        ('"why": ""', '"wy": ""', "line 5: this finding has a key 'wy', .*; do you mean why?"),
        (',\n      "why": ""', "", "line 5: this finding has no why"),
        ('"step": "write",', '"step": "write"', r"line 12: this is no JSON: Expecting ','"),
        ('"torn"', '"lost"', "line 19: this finding is that of line 5 again"),
        ('"kind": "torn"', '"kind": "torn",\n"kind": "lost"', "line 22: 'kind' is there twice"),
        ('"version": 1', '"version": 2', "it is of version 2, and this tornwrite reads 1"),
        (
            '"findings": [',
            '"found": [',
            "there is no key 'found'; there are format, version, findings",
        ),
        ("tornwrite-baseline", "other-tool", "line 1: this is no baseline of tornwrite"),
        ('"mine:store"', "<<<<<<< HEAD", "line 6: this is no JSON"),
    ],
)
def test_a_damaged_file_is_told_with_the_line(file: Path, old: str, new: str, said: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(WrongUse, match=said) as caught:
        read_baseline(str(file))
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty; mend it, or remove it"),
        (b" \n", "it is empty"),
        (b"null", "line 1: this is no baseline"),
        (b'{"format": "tornwrite-gate", "version": 1}', "line 1: this is no baseline"),
        (b'{\n"format": "\xff"}', "line 2: this is no UTF-8"),
        (b"[" * 100_000, "brackets within brackets"),
        (
            b'{"format": "tornwrite-baseline", "version": 1, "findings": {}}',
            "findings must be a list, not a table",
        ),
        (b'{"format": "tornwrite-baseline", "version": 1}', "findings must be a list"),
        (
            b'{"format": "tornwrite-baseline", "version": 1, "findings": [\n3]}',
            "line 2: this finding must be a block with its fields, not a number",
        ),
    ],
)
def test_something_else_is_no_baseline(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "known.json"
    path.write_bytes(data)
    with pytest.raises(WrongUse, match=said):
        read_baseline(str(path))


def test_one_that_is_not_there_says_how_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"`tornwrite gate --write-baseline .*known\.json` writes"):
        read_baseline(str(tmp_path / "known.json"))
    with pytest.raises(WrongUse, match="Is a directory; name another file"):
        read_baseline(str(tmp_path))


def test_a_link_to_one_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "known.json").symlink_to("real/known.json")
    write_baseline(str(tmp_path / "known.json"), ())
    assert (tmp_path / "known.json").is_symlink()
    assert os.listdir(tmp_path / "real") == ["known.json"]


# The gate, as a user meets it

QUICK = ("--scenario", "put", "--profile", "ext4", "--profile", "posix", "--effort", "quick")


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory with a module `mine`, whose store `wrong` never syncs."""
    folder = tmp_path / "user"
    folder.mkdir()
    shutil.copy(support.key_values.__file__, folder / "mine.py")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return folder


def gate(*arguments: str, code: int) -> str:
    """What `tornwrite gate mine:wrong` prints, in a process of its own; it ends with that code."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tornwrite", "gate", "mine:wrong", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_known_findings_from_the_first_day_to_the_last(user: Path) -> None:
    said = gate(*QUICK, "--write-baseline", "known.json", code=PASSED)
    assert "passed, with 2 known findings: mine:wrong; " in said
    assert "known.json has 2 entries: 2 added" in said
    text = (user / "known.json").read_text()
    (user / "known.json").write_text(text.replace('"why": ""', '"why": "old disks only"', 1))

    source = (user / "mine.py").read_text()
    moved = source.replace("class WrongStore", "SPARE = 1\n\n\n\nclass WrongStore")
    (user / "mine.py").write_text(moved.replace('"first"', '"the very first"'))
    said = gate(*QUICK, "--baseline", "known.json", "--json", "report.json", code=PASSED)
    assert "finding 1 of 2, known: " in said
    assert "why: old disks only" in said
    assert "2 findings (2 known, 0 new)" in said
    report = orjson.loads((user / "report.json").read_bytes())
    assert [one["standing"] for one in report["findings"]] == ["known", "known"]
    assert (report["verdict"], report["baseline"], report["vanished"]) == (
        "passed",
        "known.json",
        [],
    )

    (user / "mine.py").write_text(source.replace("WrongStore, (PUT", "RightStore, (PUT"))
    said = gate(*QUICK[:4], "--effort", "quick", "--baseline", "known.json", code=PASSED)
    assert "vanished" not in said  # posix was not run
    said = gate(*QUICK, "--baseline", "known.json", "--json", "report.json", code=PASSED)
    assert said.count("vanished: ") == 2
    assert "--write-baseline known.json takes them out" in said
    report = orjson.loads((user / "report.json").read_bytes())
    assert [(one["kind"], one["function"]) for one in report["vanished"]] == [
        ("lost", "WrongStore.put"),
        ("torn", "WrongStore.put"),
    ]
    said = gate(*QUICK, "--write-baseline", "known.json", code=PASSED)
    assert "known.json has 0 entries: 2 no longer found and taken out" in said
    assert read_baseline("known.json") == ()


def test_a_new_finding_fails_beside_the_known_ones(user: Path) -> None:
    write = ("--scenario", "put", "--profile", "posix", "--effort", "quick")
    gate(*write, "--write-baseline", "known.json", code=PASSED)
    (user / "pyproject.toml").write_text('[tool.tornwrite]\nbaseline = "known.json"\n')
    said = gate(*QUICK, "--json", "report.json", "--resume", "run", code=VIOLATED)
    assert "new: known, but not under ext4" in said
    assert "violated: mine:wrong; " in said
    again = gate(*QUICK, "--resume", "run", code=VIOLATED)
    assert "new: known, but not under ext4" in again
    report = orjson.loads((user / "report.json").read_bytes())
    assert {one["standing"] for one in report["findings"]} == {"new"}


def test_a_budget_that_is_too_small_is_no_pass_with_a_baseline(user: Path) -> None:
    few = ("--scenario", "put", "--profile", "posix", "--effort", "quick", "--budget", "3")
    said = gate(*few, "--write-baseline", "known.json", code=NO_VERDICT)
    assert "known.json has " in said
    assert "not measured: mine:wrong; " in said


def refused(*arguments: str) -> str:
    """What `tornwrite gate mine:wrong` says before it runs anything."""
    result = CliRunner().invoke(main, ["gate", "mine:wrong", *arguments])
    assert (result.exit_code, result.stdout) == (WRONG_USE, ""), result.output
    return result.stderr


@pytest.mark.parametrize("way", ["--baseline", "--write-baseline"])
def test_a_file_that_will_not_do_is_told_before_anything_is_run(user: Path, way: str) -> None:
    (user / "known.json").write_text('{\n"format": "tornwrite-baseline"\n')
    assert "tornwrite: known.json: line 3: this is no JSON" in refused(way, "known.json")
    assert "is a directory" in refused(way, str(user))
    (user / "pyproject.toml").write_text('[tool.tornwrite]\nbaseline = "known.json"\n')
    assert "tornwrite: known.json: line 3: this is no JSON" in refused()


def test_a_baseline_that_cannot_be_written_is_told_before_anything_is_run(user: Path) -> None:
    missing = refused("--write-baseline", "missing/known.json")
    assert f"cannot write {user}/missing/known.json: " in missing
    assert "cannot write /proc/known.json: " in refused("--write-baseline", "/proc/known.json")
    assert os.listdir(user) == ["mine.py"]
    (user / "known.json").symlink_to("missing/known.json")
    assert f"cannot write {user}/missing/known.json: " in refused("--write-baseline", "known.json")


def test_a_report_is_not_written_over_a_baseline(user: Path) -> None:
    said = refused("--baseline", "known.json", "--json", "./known.json")
    assert "the report would be written over the baseline known.json" in said
    said = refused("--write-baseline", "known.json", "--json", "known.json")
    assert "the report would be written over the baseline known.json" in said


def test_a_baseline_that_is_not_there_says_how_to_begin(user: Path) -> None:
    said = refused("--baseline", "known.json")
    assert "there is no known.json; `tornwrite gate --write-baseline known.json`" in said
    said = refused("--known-bad", "--baseline", "known.json")
    assert "--known-bad runs just what shows each flaw" in said
