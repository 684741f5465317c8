"""The usual recipe, done right: nothing is found, whatever is tried."""

import re
from dataclasses import replace

from support.examples import FAULTS, example, found, of_kind
from tornwrite.model.verdict import Kind

NOTES = "atomic-write/atomic_write.py:notes"


def test_every_crash_of_every_scenario_passes() -> None:
    assert found(example(NOTES), []) == []


def test_so_do_kills_errors_and_full_disks() -> None:
    assert found(example(NOTES), ["delete"], FAULTS) == []


def test_an_error_that_does_not_say_that_the_change_is_there_is_found() -> None:
    silent = replace(example(NOTES), not_undone=lambda error: False)
    one = of_kind(found(silent, ["delete"], FAULTS), Kind.LOST, "errors")
    assert re.search("fsync ., failed with E", one.violation.recovered)
