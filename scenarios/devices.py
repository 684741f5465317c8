"""Which promises hold on which device: every scenario of a subject under every profile.

On a device whose barriers are honoured and whose renames are atomic every promise can be kept, and
a broken one is a violation. On the others no store keeps all: what was synced may be gone. There a
broken promise is shown in the table and excused, unless the store gives back damaged data as good
or hides what can be read (`tornwrite.scenarios.device_excuses`).
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.images import Image
from tornwrite.faults.profiles import Profile
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.model import promises
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.results import DeviceCell, DeviceExample, DeviceTable, Kept, worst
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.device_excuses import ByExcuse, Excusing
from tornwrite.scenarios.findings import replay_command
from tornwrite.scenarios.gate import scenario_tasks, wanted_scenarios
from tornwrite.scenarios.judging import Assessor, judge_trace, live_violations
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import HarnessBroken, record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import Scenario, Subject, load_subject, module_of
from tornwrite.scenarios.workers import Progress, each


@dataclass(frozen=True, slots=True)
class Broken:
    """One promise that a scenario found broken under a profile, and how many images show it."""

    promise: str
    images: int
    excused: bool
    example: DeviceExample


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A scenario under one profile."""

    profile: str
    images: int
    complete: bool
    broken: tuple[Broken, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A scenario under all profiles. said, verdict: why there is nothing, if there is nothing."""

    scenario: str
    promises: tuple[str, ...]
    devices: tuple[OnDevice, ...] = ()
    said: str = ""
    verdict: Verdict = Verdict.PASSED


def judge_devices(
    subject_name: str,
    scenario_names: Sequence[str],
    settings: Settings,
    jobs: int,
    *,
    report: Callable[[str, str, int], None] = lambda scenario, profile, judged: None,
    finished: Callable[[str], None] = lambda scenario: None,
) -> DeviceTable:
    """Judge the subject's scenarios, `jobs` at a time, under each of the profiles.

    scenario_names: all when empty. report, finished: as of `run_gate`. Raises what that raises.
    """
    started = time.perf_counter()
    subject = load_subject(subject_name)
    wanted = wanted_scenarios(subject, scenario_names)
    tried: dict[str, Tried] = {}
    preload = [module_of(subject_name)]
    tasks = scenario_tasks(subject, wanted, settings)
    for one in each(_try, tasks, jobs, preload=preload, report=report):
        tried[one.scenario] = one
        finished(one.scenario)
    ordered = [tried[scenario.name] for scenario in wanted]
    cells = tuple(_cells(ordered, settings.profiles))
    notes = tuple(one.said for one in ordered if one.said)
    return DeviceTable(
        subject=subject_name,
        weakened=subject.weakened,
        seed=settings.seed,
        budget=settings.budget,
        verdict=worst([*(_verdict(cell) for cell in cells), *(one.verdict for one in ordered)]),
        promises=tuple(dict.fromkeys(cell.promise for cell in cells)),
        profiles=tuple(profile.name for profile in settings.profiles),
        cells=cells,
        images=sum(device.images for one in ordered for device in one.devices),
        notes=notes,
        seconds=time.perf_counter() - started,
    )


def _verdict(cell: DeviceCell) -> Verdict:
    match cell.kept:
        case Kept.BROKEN:
            return Verdict.PASSED if cell.excused else Verdict.VIOLATED
        case Kept.IN_PART:
            return Verdict.NOT_MEASURED
        case Kept.HELD | Kept.NOT_TRIED:
            return Verdict.PASSED


def _cells(tried: Sequence[Tried], profiles: Sequence[Profile]) -> Iterable[DeviceCell]:
    named = [promise.name for promise in promises.ALL]
    broken = [found.promise for one in tried for device in one.devices for found in device.broken]
    known = dict.fromkeys((*named, *(name for one in tried for name in one.promises), *broken))
    for promise in known:
        about = [one for one in tried if promise in one.promises]
        if about or promise in broken:
            for profile in profiles:
                yield _cell(promise, profile, tried, len(about))


def _cell(promise: str, profile: Profile, tried: Sequence[Tried], scenarios: int) -> DeviceCell:
    devices = [
        (one, device) for one in tried for device in one.devices if device.profile == profile.name
    ]
    found = [
        broken for _, device in devices for broken in device.broken if broken.promise == promise
    ]
    if found:
        gravest = min(found, key=lambda one: one.excused)
        return DeviceCell(
            promise=promise,
            profile=profile.name,
            kept=Kept.BROKEN,
            excused=gravest.excused,
            images=sum(one.images for one in found),
            scenarios=scenarios,
            example=gravest.example,
        )
    own = [device for one, device in devices if promise in one.promises]
    kept = Kept.HELD if own else Kept.NOT_TRIED
    if not all(device.complete for device in own) or 0 < len(own) < scenarios:
        kept = Kept.IN_PART
    return DeviceCell(promise, profile.name, kept, False, 0, scenarios, None)


def _try(given: tuple[str, str, Settings], progress: Progress) -> Tried:
    subject_name, scenario_name, settings = given
    subject = load_subject(subject_name)
    scenario = subject.scenario(scenario_name)
    named = tuple(promise.name for promise in scenario.promises)
    try:
        with workplace() as live:
            return _judged(subject, scenario, settings, live, progress)
    except TooManyOrders as error:
        return Tried(scenario.name, named, (), f"{scenario.name}: {error}", Verdict.NOT_MEASURED)
    except (HarnessBroken, RecorderBlind, UnknownStep) as error:
        return Tried(scenario.name, named, (), f"{scenario.name}: {error}", Verdict.HARNESS_BROKEN)


def _judged(
    subject: Subject,
    scenario: Scenario,
    settings: Settings,
    live: str,
    progress: Progress,
) -> Tried:
    recorded = record(subject, scenario, live)
    named = tuple(promise.name for promise in scenario.promises)
    permitted = permitted_by_epoch(subject, scenario, recorded.trace)
    wrong = live_violations(subject, scenario, recorded, permitted[max(permitted)])
    if wrong:
        said = f"{scenario.name} goes wrong without any crash ({wrong[0].recovered}); run the gate"
        return Tried(scenario.name, named, (), said, Verdict.VIOLATED)
    names = subject.model.names(scenario.every_operation)
    assessor = Assessor(subject, Bench(subject, live), names)
    excusing = Excusing(subject, recorded.trace, permitted, names, live)
    devices: list[OnDevice] = []
    for profile in settings.profiles:
        # A collection for each: what is broken on two devices needs an example on both.
        collected = excusing.collected(profile)
        (run,) = judge_trace(
            subject,
            recorded.trace,
            permitted,
            (profile,),
            assessor,
            collected,
            budget=settings.budget,
            seed=settings.seed,
            progress=progress,
        )
        broken = tuple(_broken(subject, scenario, collected).values())
        devices.append(OnDevice(profile.name, run.coverage.images, run.coverage.complete, broken))
    return Tried(scenario.name, named, tuple(devices))


def _broken(subject: Subject, scenario: Scenario, collected: ByExcuse) -> Mapping[str, Broken]:
    """One example for each promise, of what is not excused if there is any."""
    found: dict[str, Broken] = {}
    images: dict[str, set[Image]] = {}
    for shown, excused in collected.both():
        promise = shown.violation.promise.name
        seen = images.setdefault(promise, set())
        seen |= shown.images
        if promise in found:
            found[promise] = replace(found[promise], images=len(seen))
            continue
        assert shown.profile is not None
        replay = replay_command(subject.name, scenario.name, shown.profile.name, shown.state)
        example = DeviceExample(scenario.name, shown.violation, replay)
        found[promise] = Broken(promise, len(seen), excused, example)
    return found
