"""The proof that a pass means something: the published store is caught, the reference passes."""

from functools import cache

import pytest

from tornwrite.faults.profiles import DEFAULT
from tornwrite.faults.strace import probe_strace
from tornwrite.model.results import MutantKind
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.reports.mutants import survivors
from tornwrite.scenarios.agreement import compare_recorders
from tornwrite.scenarios.mutants import try_mutants
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import load_subject

REFERENCE = load_subject("tornwrite.scenarios.stores:reference")
PUBLISHED = load_subject("tornwrite.scenarios.known_bad:jsonl")
SETTINGS = Settings(DEFAULT, budget=50_000, seed=0)
NAMES = [scenario.name for scenario in REFERENCE.scenarios]


@cache
def published(scenario: str) -> Outcome:
    return run_scenario(PUBLISHED, PUBLISHED.scenario(scenario), SETTINGS, lambda at, done: None)


@pytest.mark.parametrize(
    ("scenario", "kind", "promise", "strongest"),
    [
        ("append", Kind.LOST, "torn tail", "kill"),
        ("compact", Kind.RESURRECTED, "atomic", "kill"),
        ("replace", Kind.RESURRECTED, "atomic", "kill"),
        ("several", Kind.LEAKED, "keys", "no crash"),
        ("migration", Kind.LOST, "durable", "no crash"),
        ("repair-metadata", Kind.UNREADABLE, "damage", "no crash"),
        ("repair-skip", Kind.LOST, "durable", "no crash"),
        ("summarise", Kind.LITTER, "tidy", "kill"),
    ],
)
def test_the_published_store_is_caught_at_what_it_does_wrong(
    scenario: str, kind: Kind, promise: str, strongest: str
) -> None:
    found = {
        (one.violation.kind, one.violation.promise.name, one.profile)
        for one in published(scenario).findings
    }
    assert (kind, promise, strongest) in found


@pytest.mark.parametrize("scenario", NAMES)
def test_the_reference_store_passes_every_power_loss_completely(scenario: str) -> None:
    """With every image; the gate has the kills too."""
    settings = Settings(tuple(one for one in DEFAULT if one.name != "kill"), 50_000, 0)
    outcome = run_scenario(REFERENCE, REFERENCE.scenario(scenario), settings, lambda at, done: None)
    rows = [(row.verdict, row.complete) for row in outcome.rows]
    assert rows == [(Verdict.PASSED, True)] * len(settings.profiles)
    assert outcome.findings == outcome.notes == ()


@pytest.mark.parametrize("scenario", ["truncate", "compact", "replace"])
def test_every_sync_and_rename_taken_out_of_the_reference_store_is_noticed(scenario: str) -> None:
    tried = try_mutants(REFERENCE, REFERENCE.scenario(scenario), budget=50_000, seed=0)
    assert {MutantKind.SYNC, MutantKind.RENAME} <= {one.kind for one in tried}
    missed = [one for one in survivors(tried) if one.kind is not MutantKind.AFTER_KILL]
    assert missed == []  # one line's sync after a kill may be for what another scenario does


@pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)
def test_both_recorders_see_the_reference_store_do_the_same() -> None:
    wanted = [REFERENCE.scenario(name) for name in ("append", "replace", "migration")]
    found = compare_recorders(REFERENCE, wanted)
    assert [(one.verdict, one.said) for one in found] == [(Verdict.PASSED, ())] * 3
    assert sum(one.steps for one in found) > 100
