"""What a run of the gate found, as plain data: what reports show and nothing else."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from tornwrite.model.verdict import Kind, Verdict, Violation

NOT_YET = "not done yet"
"""The fate of a step that the program did only after the crash, its operation long acknowledged."""


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of a finding: its number, what it did, what became of it, and its source lines."""

    number: int
    text: str
    fate: str
    sites: tuple[str, ...]
    operation: str


NO_CRASH = "no crash"
"""Where profiles are named: the run itself was wrong, before any crash."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What one process did, of several on the way to a finding, and how it ended.

    who: `first process`, `recovery`. did: the operations that had returned; in_flight: those that
    had not. ended: in words. profile: of the crash that ended it, "" for none. last: its last step
    in the numbers of the finding; None for one whose steps the finding does not show.
    """

    who: str
    did: tuple[str, ...]
    in_flight: tuple[str, ...]
    ended: str
    profile: str
    last: int | None


class Standing(Enum):
    """What a finding is beside a baseline."""

    KNOWN = "known"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Finding:
    """One violated promise, with everything needed to see it, explain it and replay it.

    profile: the strongest that shows it; profiles: all that do, and the names of lanes that do.
    judged: the profiles that the crashes were judged under. images: how many images show it.
    point: steps done when the world stopped; cut: bytes done of the write under way.
    acknowledged: the operations that had returned, in_flight: those that had not.
    protect: the step that should have been protected, as a number; None when no step was lost.
    files: what the crash left, path and content in short. replay: a command that shows it again.
    also_in: other scenarios in which the same thing goes wrong for want of the same source line.
    lane: what found it beside the crashes of the plain run; "" for those. stages: of one that it
    took several processes for, what each of them did. standing: None without a baseline. remark: of
    one that is known, why it is; of a new one, what it has more than a known one that it is like.
    """

    scenario: str
    profile: str
    profiles: tuple[str, ...]
    violation: Violation
    images: int
    point: int
    cut: int | None
    image: str
    acknowledged: tuple[str, ...]
    in_flight: tuple[str, ...]
    steps: tuple[StepLine, ...]
    protect: int | None
    files: tuple[tuple[str, str], ...]
    replay: str
    also_in: tuple[str, ...] = ()
    lane: str = ""
    judged: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    standing: Standing | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding as a baseline keeps it: what stays the same when unrelated source changes.

    later: whether it shows only when the run goes on after the recovery. operation, step, function:
    what should have been protected, by the name of the operation, what the step did, and the
    innermost function of the user's own; "" where no step is to blame, or where a recording does
    not tell functions. scenarios, profiles: all in which it is known, profiles with lanes. effort,
    seed: of the run that found it. why: the user's own words.
    """

    subject: str
    kind: Kind
    promise: str
    later: bool
    operation: str
    step: str
    function: str
    scenarios: tuple[str, ...]
    profiles: tuple[str, ...]
    effort: str
    seed: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class FaultCount:
    """How many distinct faults of one kind were tried: `errors`, at `fsync`, `EIO once`, 12."""

    lane: str
    at: str
    what: str
    number: int


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario under one profile, or in one fault lane.

    points: crash points, or faults tried. judged: distinct images judged. possible: how many there
    are, or at least are, unless `complete`. stopped: why it is not complete. seconds: of this row
    alone; an image that an earlier profile already had judged costs this one next to nothing.
    faults: what a fault lane tried, by kind. otherwise: the verdict if what is wrong were
    known, and what cannot be tried past that left out; None for the same, without the violation.
    """

    scenario: str
    profile: str
    verdict: Verdict
    operations: int
    points: int
    judged: int
    possible: int
    complete: bool
    stopped: str
    findings: int
    seconds: float
    faults: tuple[FaultCount, ...] = ()
    otherwise: Verdict | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that a run did not try.

    of: the lane or profile that it is a part of; "" for what no part of the run could see. said: in
    words. whole: nothing of it was tried.
    """

    of: str
    said: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class GateResult:
    """A whole run. notes: what could not be measured or broke, a sentence each.

    effort: how much was tried. left_out: what was not. baseline: the file of known findings, "" for
    none. vanished: those of them that were looked for and not found.
    """

    subject: str
    weakened: tuple[str, ...]
    seed: int
    budget: int
    verdict: Verdict
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    seconds: float
    effort: str = ""
    left_out: tuple[LeftOut, ...] = ()
    baseline: str = ""
    vanished: tuple[KnownFinding, ...] = ()


def faults_tried(rows: Iterable[Row]) -> tuple[FaultCount, ...]:
    """What the fault lanes of these rows tried: each kind of fault once, ordered by name."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for one in row.faults:
            found[one.lane, one.at, one.what] += one.number
    return tuple(FaultCount(*kind, number) for kind, number in sorted(found.items()))


class MutantKind(Enum):
    """What was taken away from a recorded run."""

    SYNC = "sync left out"
    ORDER = "sync at the end of its operation"
    RENAME = "rename as a copy"
    AFTER_KILL = "sync left out after a kill"


@dataclass(frozen=True, slots=True)
class Tried:
    """One protection taken away at one place, and the finding that caught it, if any did.

    step: its number in the recorded run. text: what it did. sites: its source lines. why: why no
    run shows it, if that is known.
    """

    scenario: str
    kind: MutantKind
    step: int
    text: str
    sites: tuple[str, ...]
    caught_by: Finding | None
    why: str = ""


class SownKind(Enum):
    """What was changed in a store's source."""

    SYNC = "a sync removed"
    SWAPPED = "two statements swapped"
    SWALLOWED = "an error swallowed"
    LOCK = "a lock dropped"
    OFF_BY_ONE = "off by one"


@dataclass(frozen=True, slots=True)
class SownRow:
    """A fault sown into a store's source, and what caught it.

    name: module, function, kind and statement. line: of the unchanged source. after: what stands
    there instead. caught: scenario, profile or lane, and kind of violation; empty if nothing did.
    why: why nothing can, if that is known. seconds: until it was caught or given up. runs: that
    come by the line without the fault.
    """

    name: str
    line: int
    kind: SownKind
    after: str
    caught: str
    why: str
    seconds: float
    runs: int


@dataclass(frozen=True, slots=True)
class FlawRow:
    """A known flaw of a published store, and whether the harness caught it.

    stated: its own text says so; otherwise the gate found it. judged: images of its scenario.
    smallest: the operations that are enough to show it. crash: where it crashes then. why: what was
    found instead, if it was missed.
    """

    name: str
    subject: str
    stated: bool
    what: str
    caught: Finding | None
    judged: int
    smallest: tuple[str, ...]
    crash: str
    why: str


@dataclass(frozen=True, slots=True)
class SoakRound:
    """One round of a soak: random runs of one subject, all from one seed.

    examples: runs. operations: in all of them, openings included. judged: crash states judged.
    recovered: images that the subject was opened on for it. crashes: how many became real, with the
    run going on from there. failures: what is said of each promise that was not kept, with a
    program that shows it.
    """

    subject: str
    seed: int
    examples: int
    operations: int
    judged: int
    recovered: int
    crashes: int
    seconds: float
    failures: tuple[str, ...]


class Kept(Enum):
    """What became of a promise on a device."""

    HELD = "held"
    BROKEN = "broken"
    IN_PART = "held so far"
    """Nothing was found, and not everything was judged."""
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class DeviceExample:
    """How one promise was broken on one device. replay: a command that shows it again."""

    scenario: str
    violation: Violation
    replay: str


@dataclass(frozen=True, slots=True)
class DeviceCell:
    """One promise under one profile.

    excused: it is broken, and no store could keep it there: the device loses what it said it had,
    and the store told of it or could not know. images: how many show it broken. scenarios: how many
    put the promise to the test.
    """

    promise: str
    profile: str
    kept: Kept
    excused: bool
    images: int
    scenarios: int
    example: DeviceExample | None


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """A subject's promises on every device. images: all that were judged, over all profiles.

    promises, profiles: by name, in the order of the table. notes: what could not be measured or
    broke, a sentence each.
    """

    subject: str
    weakened: tuple[str, ...]
    seed: int
    budget: int
    verdict: Verdict
    promises: tuple[str, ...]
    profiles: tuple[str, ...]
    cells: tuple[DeviceCell, ...]
    images: int
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Exploration:
    """All sequences of operations up to a length, run and judged.

    bound: that length. possible: how many sequences there are, symmetric ones counted once;
    renamed: with those that differ only in the names of keys and contents. run: how many were.
    judged: crash states judged; recovered: images that the subject was opened on for it. findings:
    of one cause each, at the shortest sequence that shows it; `also_in` are the other sequences.
    complete: whether nothing was left out; stopped: what was, and why. notes: what else to know.
    seconds: of all processes together.
    """

    subject: str
    bound: int
    profiles: tuple[str, ...]
    possible: int
    renamed: int
    run: int
    judged: int
    recovered: int
    findings: tuple[Finding, ...]
    verdict: Verdict
    complete: bool
    stopped: str
    notes: tuple[str, ...]
    seconds: float


def of_rows(verdicts: "list[Verdict]", notes: tuple[str, ...]) -> Verdict:
    """The verdict of a run by those of its rows: with something to note there is no pass."""
    verdict = worst(verdicts)
    return Verdict.HARNESS_BROKEN if notes and verdict is Verdict.PASSED else verdict


def worst(verdicts: "list[Verdict]") -> Verdict:
    """One verdict for several: a violation tells most, then a broken harness, then a gap."""
    for verdict in (Verdict.VIOLATED, Verdict.HARNESS_BROKEN, Verdict.NOT_MEASURED):
        if verdict in verdicts:
            return verdict
    return Verdict.PASSED
