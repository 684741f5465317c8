"""The Python examples, recorded within their process and by strace: the same findings."""

from dataclasses import replace

import pytest

from support.examples import CRASHES, example, found, protected
from tornwrite.faults.strace import probe_strace
from tornwrite.model.results import Finding

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)

NAMES = (
    "json-dump/json_dump.py:notes",
    "replace-without-sync/replace_without_sync.py:notes",
    "atomic-write/atomic_write.py:notes",
    "shelve-dumb/shelve_dumb.py:shelf",
    "tinydb/tinydb_notes.py:notes",
)


def told(finding: Finding) -> tuple[object, ...]:
    violation = finding.violation
    return (violation, finding.profiles, protected(finding), finding.point, finding.image)


@pytest.mark.parametrize("name", NAMES)
def test_both_find_the_same(name: str) -> None:
    within = found(example(name), ["put"])
    outside = found(example(name), ["put"], replace(CRASHES, recorder="strace"))
    assert list(map(told, outside)) == list(map(told, within))
