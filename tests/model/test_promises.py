"""Promises, verdicts and kinds: the words that reports are made of."""

import re

import pytest

from tornwrite.model import promises
from tornwrite.model.results import worst
from tornwrite.model.verdict import Kind, Promise, Verdict

DESIGN_NUMBERS = range(1, 11)


def test_every_promise_of_the_module_is_in_its_list_once() -> None:
    defined = [value for value in vars(promises).values() if isinstance(value, Promise)]
    assert sorted(defined, key=str) == sorted(promises.ALL, key=str)
    assert len({promise.name for promise in promises.ALL}) == len(promises.ALL)


def test_every_promise_of_the_design_has_a_name() -> None:
    """The texts end in the numbers of the design; tidiness is beside them."""
    numbers = [
        int(found[1])
        for promise in promises.ALL
        if (found := re.search(r"\((\d+)\)$", promise.text))
    ]
    assert numbers == list(DESIGN_NUMBERS)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_of_finding_has_a_meaning(kind: Kind) -> None:
    assert kind.meaning.strip()


def test_there_are_the_twelve_kinds_of_the_design_and_one_for_what_an_error_says() -> None:
    assert {kind.value for kind in Kind} == {
        "unclear",
        "lost",
        "resurrected",
        "duplicated",
        "reordered",
        "torn",
        "phantom",
        "unreadable",
        "stuck",
        "drifted",
        "leaked",
        "litter",
        "not idempotent",
    }


def test_there_are_four_verdicts() -> None:
    assert {verdict.value for verdict in Verdict} == {
        "passed",
        "violated",
        "not measured",
        "harness broken",
    }


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        ([], Verdict.PASSED),
        ([Verdict.PASSED], Verdict.PASSED),
        ([Verdict.PASSED, Verdict.NOT_MEASURED], Verdict.NOT_MEASURED),
        ([Verdict.NOT_MEASURED, Verdict.HARNESS_BROKEN], Verdict.HARNESS_BROKEN),
        ([Verdict.HARNESS_BROKEN, Verdict.VIOLATED, Verdict.PASSED], Verdict.VIOLATED),
    ],
    ids=lambda value: str(value),
)
def test_several_verdicts_are_as_good_as_the_worst(
    verdicts: list[Verdict], together: Verdict
) -> None:
    assert worst(verdicts) is together
