"""Random workloads for programs: each run is one under strace, and all its crashes are judged."""

import shlex
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tornwrite.faults.profiles import POSIX
from tornwrite.faults.strace import probe_strace
from tornwrite.model.hypothesis_profiles import QUICK
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.exploring.explorer import Bounds, explore_one
from tornwrite.scenarios.exploring.sequences import from_json
from tornwrite.scenarios.replaying import Place
from tornwrite.scenarios.soak import Length, run_round
from tornwrite.scenarios.subject import load_subject

pytestmark = pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)

FEW = Length(settings(QUICK, max_examples=4, stateful_step_count=3), 20)
NOT_SMALLER = Length(settings(FEW.settings, phases=[Phase.generate], max_examples=20), 20)


def test_a_right_program_passes(tmp_path: Path) -> None:
    found = run_round(load_subject("support.programs_of_others:warm"), 1, FEW, str(tmp_path))
    assert found.failures == ()
    assert found.examples >= 4
    assert found.operations > found.examples
    assert found.judged > found.recovered > 0


def test_a_wrong_one_fails_and_its_command_shows_it_again(tmp_path: Path) -> None:
    subject = load_subject("support.programs_of_others:no_sync")
    (said,) = run_round(subject, 1, NOT_SMALLER, str(tmp_path)).failures
    words = shlex.split(said.splitlines()[-1])
    assert words[:3] == ["tornwrite", "explore", "support.programs_of_others:no_sync"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert given["--profile"] == "posix"
    place = Place(int(given["--epoch"]), int(given["--point"]), None, given["--image"])
    again = explore_one(subject, from_json(given["--only"]), Bounds(0, (POSIX,)), place)
    assert {one.violation.kind for one in again.findings} & {Kind.LOST, Kind.RESURRECTED, Kind.TORN}
    assert again.findings[0].violation.recovered in said


def test_it_ends_when_the_time_is_over(tmp_path: Path) -> None:
    subject = load_subject("support.programs_of_others:warm")
    assert run_round(subject, 1, FEW, str(tmp_path), until=0.0).examples == 0
