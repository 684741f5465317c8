"""A run held against a baseline: which findings are known, which are new, which have vanished.

Two findings are the same when the same promise of the same subject is broken in the same way
(kind), for want of the same sort of step of the same operation in the same function, and both at
once or both only when the run goes on; where no step is to blame, in the same scenario. Line
numbers, contents and digests are no part of that: they change with unrelated source.

A finding that is the same but shows in a further scenario, or under a profile that leaves less
undone than those it is known under, has got worse, and is new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tornwrite.model.results import (
    NO_CRASH,
    NOT_YET,
    Finding,
    GateResult,
    KnownFinding,
    Row,
    Standing,
    StepLine,
    of_rows,
)
from tornwrite.model.verdict import Kind, Verdict

STEPLESS = (Kind.LITTER, Kind.DRIFTED)
"""Told of the store as a whole: the step that came last is no cause."""

EFFORTS = ("quick", "ci", "full")
"""From the least to the most."""

LIBRARIES = ("/lib/python", "/site-packages/", "<frozen ")
"""In the name of a source file: it is not the user's own."""

Strengths = Mapping[str, frozenset[str]]
"""For each profile the names of all that are at least as strong, its own among them."""

_MEASURED = (Verdict.PASSED, Verdict.VIOLATED)


def as_known(result: GateResult, found: Finding) -> KnownFinding:
    """A finding of a run as a baseline keeps it, without a reason yet."""
    line = _cause_line(found)
    lost = line if found.protect is not None else None
    lane = (found.lane,) if found.lane and found.lane not in found.profiles else ()
    return KnownFinding(
        subject=result.subject,
        kind=found.violation.kind,
        promise=found.violation.promise.name,
        later=bool(found.violation.after),
        operation=line.operation.partition("(")[0] if line else "",
        step=_step(lost) if lost else "",
        function=_own_function(lost.sites) if lost else "",
        scenarios=(found.scenario, *found.also_in),
        profiles=(*found.profiles, *lane),
        effort=result.effort,
        seed=result.seed,
    )


def _cause_line(found: Finding) -> StepLine | None:
    """The step that should have been protected; where none was lost, the one that came last."""
    if found.violation.kind in STEPLESS or not found.steps:
        return None
    if found.protect is None:
        return found.steps[-1]
    return next((line for line in found.steps if line.number == found.protect), None)


def _step(line: StepLine) -> str:
    """What the step does; of one that came too late just that: the crash may be before any."""
    return NOT_YET if line.fate == NOT_YET else line.text.partition(" ")[0]


def _own_function(sites: Sequence[str]) -> str:
    """The innermost function that is not in a library; in one, if there is no other."""
    named = [site.rpartition(" in ") for site in sites]
    own = [name for file, _, name in named if not any(part in file for part in LIBRARIES)]
    return next(iter(own), named[0][2] if named else "")


def same(first: KnownFinding, second: KnownFinding) -> bool:
    """Whether the two are one finding. One without a function may be in any."""
    functions = {first.function, second.function} - {""}
    if _cause(first) != _cause(second) or len(functions) > 1:
        return False
    return not _of_scenario(first) or bool(set(first.scenarios) & set(second.scenarios))


def identity(one: KnownFinding) -> tuple[object, ...]:
    """What no two findings of a baseline have in common."""
    return (*_cause(one), one.function, one.scenarios if _of_scenario(one) else ())


def _of_scenario(one: KnownFinding) -> bool:
    """Nothing but the scenario tells it from others: no step of it is known."""
    return not one.step and one.kind not in STEPLESS


def _cause(one: KnownFinding) -> tuple[object, ...]:
    return (one.subject, one.kind, one.promise, one.later, one.operation, one.step)


def compared(
    result: GateResult,
    known: Iterable[KnownFinding],
    strengths: Strengths,
    baseline: str,
    *,
    whole: bool = True,
) -> GateResult:
    """The result with each finding known or new, with what has vanished, and its verdict by that.

    baseline: where the known ones are from. whole: whether all scenarios were run that the subject
    has. Findings that are known violate nothing; what was not measured, or broke, is no pass all
    the same.
    """
    ours = [one for one in known if one.subject == result.subject]
    findings = tuple(_standing(result, found, ours, strengths) for found in result.findings)
    seen = [as_known(result, found) for found in result.findings]
    notes = result.notes
    verdict = result.verdict
    if findings and all(one.standing is Standing.KNOWN for one in findings):
        verdict, hidden = _otherwise(result)
        notes += hidden
    return replace(
        result,
        verdict=verdict,
        findings=findings,
        notes=notes,
        baseline=baseline,
        vanished=tuple(
            one
            for one in ours
            if not any(same(one, other) for other in seen) and looked_for(result, one, whole)
        ),
    )


def _otherwise(result: GateResult) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict if all that was found is known, and what else has to be said then."""
    hidden = tuple(
        f"{row.scenario}: it is known to be wrong without a crash, and so no crash of it was "
        "judged; mend that first, or leave the scenario out"
        for row in result.rows
        if row.profile == NO_CRASH
    )
    verdicts = [_past_what_is_known(row) for row in result.rows]
    return of_rows(verdicts, result.notes), hidden


def _past_what_is_known(row: Row) -> Verdict:
    if row.otherwise is not None:
        return row.otherwise
    return Verdict.PASSED if row.verdict is Verdict.VIOLATED else row.verdict


def _standing(
    result: GateResult, found: Finding, known: Sequence[KnownFinding], strengths: Strengths
) -> Finding:
    one = as_known(result, found)
    alike = [other for other in known if same(one, other)]
    if not alike:
        return replace(found, standing=Standing.NEW, remark=_nearly(one, known))
    profiles = {name for other in alike for name in other.profiles}
    further = [
        ("in", _without(one.scenarios, (name for other in alike for name in other.scenarios))),
        ("under", [name for name in one.profiles if not strengths_of(name, strengths) & profiles]),
    ]
    told = [f"{where} {', '.join(names)}" for where, names in further if names]
    if told:
        return replace(found, standing=Standing.NEW, remark=f"known, but not {' and '.join(told)}")
    why = "; ".join(dict.fromkeys(other.why for other in alike if other.why))
    return replace(found, standing=Standing.KNOWN, remark=why)


def strengths_of(profile: str, strengths: Strengths) -> frozenset[str]:
    """The profiles under which a crash that this one allows is allowed for sure, by their names.

    What breaks under a strong profile does so under each weaker one. Lanes are beside that order.
    """
    return strengths.get(profile, frozenset({profile}))


def _nearly(one: KnownFinding, known: Sequence[KnownFinding]) -> str:
    """What a known finding that differs in its kind alone is known as."""
    kinds = [other.kind.value for other in known if same(one, replace(other, kind=one.kind))]
    return f"known as {', '.join(kinds)}, but not as {one.kind.value}" if kinds else ""


def looked_for(result: GateResult, known: KnownFinding, whole: bool = True) -> bool:
    """Whether the run would have found it, had it still been there.

    It tried at least as hard as the run that did, in all its scenarios and under all its profiles,
    with nothing left unmeasured; where it took a sample, it was of the same seed. whole: whether a
    scenario that was not run is one that the subject no longer has.
    """
    rows = [row for row in result.rows if row.scenario in known.scenarios]
    if known.subject != result.subject or _rank(result.effort) < _rank(known.effort):
        return False
    if not whole and set(known.scenarios) - {row.scenario for row in rows}:
        return False
    if not rows:
        return whole  # the subject has none of its scenarios any more
    profiles = set(known.profiles) - {NO_CRASH}
    if any(row.profile == NO_CRASH for row in rows):
        return not profiles  # then no crash was judged
    looked = [row for row in rows if row.profile in profiles]
    if profiles - {row.profile for row in looked}:
        return False
    sampled = result.seed != known.seed
    return all(_looked(row, sampled) for row in looked)


def _looked(row: Row, sampled: bool) -> bool:
    """sampled: whether a sample of another seed may have missed it."""
    measured = row.verdict in _MEASURED and _past_what_is_known(row) in _MEASURED
    return measured and (row.complete or not sampled)


def _rank(effort: str) -> int:
    return EFFORTS.index(effort) if effort in EFFORTS else -1


def rewritten(
    known: Sequence[KnownFinding], result: GateResult, *, whole: bool = True
) -> tuple[KnownFinding, ...]:
    """What is known after a run: what it found, and what it did not look for, in a fixed order.

    whole: whether all scenarios were run that the subject has. The reasons that were given stay
    with what they were given for.
    """
    found: dict[tuple[object, ...], KnownFinding] = {}
    for one in (as_known(result, finding) for finding in result.findings):
        key = identity(one)
        found[key] = _joined(found[key], one) if key in found else one
    now = [
        _brought_forward(one, [other for other in known if same(one, other)], result, whole)
        for one in found.values()
    ]
    unseen = [
        one
        for one in known
        if not any(same(one, other) for other in now) and not looked_for(result, one, whole)
    ]
    return tuple(sorted((_in_order(one) for one in (*now, *unseen)), key=_order))


@dataclass(frozen=True, slots=True)
class Changes:
    """How many findings a baseline has more than before, has still, and has no longer."""

    added: int
    kept: int
    removed: int


def changes(before: Sequence[KnownFinding], after: Sequence[KnownFinding]) -> Changes:
    """What became of a baseline."""
    added = sum(not any(same(one, other) for other in before) for one in after)
    removed = sum(not any(same(one, other) for other in after) for one in before)
    return Changes(added, len(after) - added, removed)


def _joined(first: KnownFinding, second: KnownFinding) -> KnownFinding:
    return replace(
        first,
        scenarios=(*first.scenarios, *_without(second.scenarios, first.scenarios)),
        profiles=(*first.profiles, *_without(second.profiles, first.profiles)),
    )


def _brought_forward(
    one: KnownFinding, before: Sequence[KnownFinding], result: GateResult, whole: bool
) -> KnownFinding:
    """With the reasons of before, and the scenarios and profiles that were not run this time.

    With its function, too, where this time nobody told it.
    """
    functions = {other.function for other in before} - {""}
    if not one.function and len(functions) == 1:
        one = replace(one, function=functions.pop())
    ran = {row.scenario for row in result.rows}
    under = {NO_CRASH, *(row.profile for row in result.rows)}
    whys = "; ".join(dict.fromkeys(other.why for other in before if other.why))
    for other in before:
        left = replace(
            other,
            scenarios=() if whole else _without(other.scenarios, ran),
            profiles=_without(other.profiles, under),
        )
        if left.scenarios or left.profiles:
            effort = max(one.effort, other.effort, key=_rank)
            one = replace(_joined(one, left), effort=effort)
    return replace(one, why=whys)


def _without(names: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    left_out = set(others)
    return tuple(name for name in names if name not in left_out)


def _in_order(one: KnownFinding) -> KnownFinding:
    """With its names sorted, whatever run each of them is from: a file to be compared by line."""
    scenarios, profiles = tuple(sorted(one.scenarios)), tuple(sorted(one.profiles))
    return replace(one, scenarios=scenarios, profiles=profiles)


def _order(one: KnownFinding) -> tuple[object, ...]:
    kinds = list(Kind)
    return (
        one.subject,
        one.promise,
        kinds.index(one.kind),
        one.operation,
        one.step,
        one.function,
        one.later,
        one.scenarios,
    )
