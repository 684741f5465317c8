"""Stores under the file-name and permission rules of other file systems, on pyfakefs.

An SD card is vfat, where names do not differ by case and some characters are none; an encrypted
home directory has shorter names; a directory may be one that a user can only read. Linux mounts all
of these, so it is there that a store meets them. What is asked: two names never share a session, no
name leads out of the directory, and what is refused changes nothing and says why.

`NOT_RUN` says which systems' rules are not tried, and why.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.images import Image, difference
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Violation
from tornwrite.scenarios.disks.fake_disk import FakeDisk, fake_disk
from tornwrite.scenarios.disks.filling import Silent, Way, fill
from tornwrite.scenarios.subject import Driver, Scenario, Subject

NOT_RUN = {
    "Windows": "there is no fcntl, no directory can be opened to be synced, and no rename replaces "
    "a file: the stores are for POSIX",
    "macOS": "there is no fdatasync: the stores are for Linux",
    "names normalised by Unicode": "pyfakefs keeps two normal forms apart, where some file systems "
    "do not (HFS+, APFS, casefolded ext4)",
    "locks": "pyfakefs grants every lock, so what several processes do is tried on real files only",
}
"""What pyfakefs and the stores between them leave out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file system makes of names.

    case_sensitive: names that differ in case alone are two. forbidden: characters that no name may
    have. longest_bytes: of a name.
    """

    name: str
    about: str
    case_sensitive: bool = True
    forbidden: str = ""
    longest_bytes: int = 255


LINUX = Rules("linux", "any byte but / and NUL, and case counts")
VFAT = Rules(
    "vfat",
    "an SD card: case does not count, and some characters are none",
    case_sensitive=False,
    forbidden='"*:<>?\\|' + "".join(map(chr, range(32))),
)
CASEFOLD = Rules("casefold", "a directory of ext4 without case", case_sensitive=False)
ECRYPTFS = Rules("ecryptfs", "an encrypted home directory: shorter names", longest_bytes=143)
RULES = (LINUX, VFAT, CASEFOLD, ECRYPTFS)

ALIKE: tuple[tuple[str, ...], ...] = (
    ("Chat", "chat", "CHAT"),
    ("chat:A", "chat:a", "chat_A", "chat_a"),
    ("what?", "what*", "<what>", 'say "what"', "a|b"),
    ("../Up", "../up", "..", "."),
    ("CON", "con", "nul.", "aux "),
    ("trailing", "trailing.", "trailing ", "trailing. ."),
    ("Straße", "STRASSE", "strasse"),
    ("é", "e\N{COMBINING ACUTE ACCENT}", "É"),
    ("L" * 120, "l" * 120, "L" * 200, "l" * 200),
    (".lock", ".LOCK", ".Index", ".index"),
)
"""Names that some file system takes for one, or does not take; a group is used together."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of names that are used together.

    refused: what each refused operation told, by operation. wrong: promises that were not kept.
    changed: what was refused and changed the files all the same. outside: paths that were made
    outside of the store's directory.
    """

    refused: dict[str, str] = field(default_factory=dict)
    wrong: list[Violation] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing was wrong, whatever was refused."""
        return not (self.wrong or self.changed or self.outside)


def try_names(subject: Subject, rules: Rules, names: Sequence[str]) -> Tried:
    """Use these names together, as the model probes a store; all on a new disk.

    What is refused counts as not done: the model knows only what was acknowledged.
    """
    tried = Tried()
    with fake_disk(
        case_sensitive=rules.case_sensitive,
        forbidden=rules.forbidden,
        longest_bytes=rules.longest_bytes,
    ) as disk:
        disk.lay_down(())
        before = set(_everywhere(disk))
        _use(subject, disk, names, tried)
        tried.outside.extend(sorted(set(_everywhere(disk)) - before))
    return tried


def try_read_only(subject: Subject, scenario: Scenario) -> Tried:
    """Run the scenario, then open what it left as a user who may read it and no more.

    Everything is to be seen; what would change something is refused, or stays in memory.
    """
    tried = Tried()
    model: Any = subject.model
    with fake_disk() as disk:
        disk.lay_down(scenario.base)
        fill(subject, scenario, disk.root, disk, Way.FREED, Silent())
        state = model.state_of(scenario.start)
        for operation in (*scenario.every_operation, Operation("reopen")):
            state = model.step(state, operation)
        image = disk.image()
        with disk.read_only():
            for probed in (True, False):
                driver = _opened(subject, disk, state, [state], tried)
                if driver is None:
                    break
                tried.wrong.extend(_wrong(model, driver, state, [state]))
                if probed:
                    for group in model.probes(state, ()):
                        for operation in group:
                            _refused(driver, operation, tried)
                driver.close()
        _check_unchanged("what was refused", image, disk.image(), tried)
    return tried


def _use(subject: Subject, disk: FakeDisk, names: Sequence[str], tried: Tried) -> None:
    model: Any = subject.model
    state = model.state_of({})
    past = [state]
    driver = _opened(subject, disk, state, past, tried)
    if driver is None:
        return
    for group in model.probes(state, names):
        for operation in group:
            image = disk.image()
            if _refused(driver, operation, tried):
                _check_unchanged(str(operation), image, disk.image(), tried)
            else:
                state = model.step(state, operation)
                past.append(state)
        tried.wrong.extend(_wrong(model, driver, state, past))
    driver.close()
    state = model.step(state, Operation("reopen"))
    driver = _opened(subject, disk, state, past, tried)
    if driver is not None:
        tried.wrong.extend(_wrong(model, driver, state, past))
        driver.close()


def _opened(
    subject: Subject, disk: FakeDisk, state: Any, past: Sequence[Any], tried: Tried
) -> Driver | None:
    """The subject, open; None, and what is wrong is noted, where it cannot be opened."""
    try:
        return subject.open(disk.root)
    except Exception as error:
        seen = {"error": f"{type(error).__name__}: {error}"}
        model: Any = subject.model
        tried.wrong.append(model.explain(seen, (state,), list(past), ()))
        return None


def _refused(driver: Driver, operation: Operation, tried: Tried) -> bool:
    try:
        driver.apply(operation)
    except Exception as error:
        tried.refused[str(operation)] = f"{type(error).__name__}: {error}"
        return True
    return False


def _check_unchanged(what: str, before: Image, after: Image, tried: Tried) -> None:
    tried.changed.extend(f"{what} changed the files: {one}" for one in difference(before, after))


def _wrong(model: Any, driver: Driver, state: Any, past: Sequence[Any]) -> Iterable[Violation]:
    """Why what is seen is not what was acknowledged; a name that is refused has no session."""
    try:
        seen: Observation = driver.observe(_written(model, state))
    except Exception as error:
        seen = {"error": f"{type(error).__name__}: {error}"}
    if "error" in seen or canonical(model.normalised(seen)) != canonical(model.view(state)):
        yield model.explain(seen, (state,), past, ())


def _written(model: Any, state: Any) -> tuple[str, ...]:
    """The names under which something is, as far as the model says."""
    shown = model.view(state)
    return tuple(
        name
        for content in (shown.get("sessions"), shown.get("transcripts"))
        if isinstance(content, dict)
        for name in content
    )


def _everywhere(disk: FakeDisk) -> Iterable[str]:
    """Every path that is not in the store's directory."""
    for folder, folders, files in os.walk("/"):
        if folder != disk.root:
            yield from (os.path.join(folder, name) for name in (*folders, *files))
