"""Every known flaw of a published store is caught: should the harness go blind, this fails."""

from dataclasses import replace
from pathlib import Path

import pytest

from tornwrite.faults.profiles import DEFAULT, KILL
from tornwrite.model.results import FlawRow
from tornwrite.model.verdict import Kind
from tornwrite.reports import flaws as report
from tornwrite.scenarios.flaw_table import try_flaw
from tornwrite.scenarios.flaws import ALL
from tornwrite.scenarios.flaws.flaw import Flaw
from tornwrite.scenarios.flaws.page import page
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import load_subject

SETTINGS = Settings(DEFAULT, budget=50_000, seed=0)
ROOT = Path(__file__).parents[2]


def tried(flaw: Flaw, settings: Settings = SETTINGS) -> FlawRow:
    return try_flaw(flaw, settings, lambda at, done: None)


@pytest.mark.parametrize("flaw", ALL, ids=lambda flaw: flaw.name.replace(" ", "-"))
def test_the_flaw_is_caught(flaw: Flaw) -> None:
    row = tried(flaw)
    assert row.caught is not None, row.why
    assert flaw.shown_by(row.caught)
    assert row.smallest
    scenario = load_subject(flaw.subject).scenario(flaw.scenario)
    told = [one for one in row.smallest if not one.startswith("on the disk before")]
    assert len(told) <= len(scenario.every_operation)


def test_every_fix_of_the_history_is_taken_back_by_itself() -> None:
    from tornwrite.scenarios import known_bad

    history = {flaw.subject.rpartition(":")[2] for flaw in ALL if flaw.without}
    assert history == {
        "rename_without_sync",
        "migration_by_appending",
        "data_before_metadata",
        "count_only_when_zero",
        "one_megabyte_lines",
        "unlocked",
    }
    assert history <= set(vars(known_bad))


def test_every_published_edition_has_known_flaws() -> None:
    published = {flaw.subject.rpartition(":")[2] for flaw in ALL if not flaw.without}
    assert published == {"jsonl", "manager", "backend", "archive", "transcripts"}


def test_names_of_flaws_are_given_once() -> None:
    names = [flaw.name for flaw in ALL]
    assert len(set(names)) == len(names)


def test_a_store_without_the_flaw_misses_it() -> None:
    """The same scenario, held against the reference edition: nothing is caught, and why is said."""
    torn = next(flaw for flaw in ALL if flaw.name == "a torn tail swallows the next message")
    row = tried(replace(torn, subject="tornwrite.scenarios.stores:reference"))
    assert row.caught is None
    assert row.why == "found instead: nothing"
    assert report.missed([row]) == [row]


def test_a_harness_that_judges_too_few_crashes_misses_it() -> None:
    unsynced = next(flaw for flaw in ALL if flaw.name == "rename without sync")
    row = tried(unsynced, replace(SETTINGS, profiles=(KILL,)))
    assert row.caught is None


def test_another_finding_is_not_taken_for_the_flaw() -> None:
    torn = next(flaw for flaw in ALL if flaw.name == "a torn tail swallows the next message")
    row = tried(replace(torn, kinds=(Kind.REORDERED,)))
    assert row.caught is None
    assert "lost" in row.why


def test_what_the_store_without_the_flaw_shows_too_does_not_count() -> None:
    torn = next(flaw for flaw in ALL if flaw.name == "a torn tail swallows the next message")
    row = tried(replace(torn, without=torn.subject))
    assert row.caught is None
    assert "shows it too" in row.why


def test_the_page_of_known_flaws_is_what_the_command_prints() -> None:
    written = (ROOT / "docs" / "known-flaws.md").read_text(encoding="utf-8")
    assert written == page(ALL), "make it anew: tornwrite flaws > docs/known-flaws.md"
