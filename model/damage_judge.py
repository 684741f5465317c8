"""The judge of damaged content: reported, never obeyed, never made worse.

A store cannot keep bits from rotting. It can tell, and it can do no harm: what it shows was
written, what is missing is reported, what can be read is shown and stays, and nobody else's session
suffers. `judge_damage` holds what a store did on a damaged disk against what it held before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tornwrite.model import promises
from tornwrite.model.damage import (
    Damageable,
    DamagedRun,
    DamageJudged,
    Harm,
    Held,
    Refused,
    Unnoticed,
    listed,
    told,
)
from tornwrite.model.damage_known import Known, known_of
from tornwrite.model.judge import Model, Permitted
from tornwrite.model.operation import canonical, shortened
from tornwrite.model.verdict import Kind, Violation

S = TypeVar("S")


def judge_damage(
    model: Model[S],
    permitted: Permitted[S],
    harm: Harm,
    run: DamagedRun,
    excuses: frozenset[Unnoticed] = frozenset(),
) -> DamageJudged:
    """Hold what a store did on a damaged disk against what it held before.

    permitted: what it could show without the damage. excuses: what the subject has declared.
    Raises TypeError for a model that does not say what sessions hold.
    """
    if not isinstance(model, Damageable):
        raise TypeError(f"{type(model).__name__} has no contents(): damage cannot be judged")
    if run.observed is None:
        shut = _violation(Kind.UNREADABLE, "the store", harm, _OPENS, run.error)
        return DamageJudged((shut, *_left(harm, run)))
    known = known_of(model, permitted, harm)
    excused: set[Unnoticed] = set()
    found: list[Violation] = []
    for wrong in _first(known, model.contents(run.observed), harm, run):
        excuse = next(iter(wrong.excuses & harm.unnoticed & excuses), None)
        if excuse is None:
            found.append(wrong.violation)
        else:
            excused.add(excuse)
    found += _later(model, known, harm, run)
    found += (_violation(Kind.LOST, harm.file, harm, _KEEPS, what) for what in run.ruined)
    found += (_violation(Kind.LEAKED, harm.file, harm, _LEAVES, what) for what in run.touched)
    found += _left(harm, run)
    return DamageJudged(tuple(found), frozenset(excused))


_OPENS = "the store opens, whatever is wrong with one file"
_CLOSES = "a store that was closed, or could not be opened, leaves no file open"
_KEEPS = "what could be read is still there"
_LEAVES = "what is not the store's stays as it was"
_SILENT = frozenset({Unnoticed.SHORTENED, Unnoticed.GONE, Unnoticed.OLDER, Unnoticed.UNCHECKED})
_CHANGED = frozenset({Unnoticed.UNCHECKED})
_NOBODY: frozenset[Unnoticed] = frozenset()


def _left(harm: Harm, run: DamagedRun) -> Iterator[Violation]:
    return (_violation(Kind.LITTER, file, harm, _CLOSES, file) for file in run.left)


def _violation(kind: Kind, about: str, harm: Harm, wanted: str, got: str) -> Violation:
    return Violation(kind, promises.DAMAGE, about, f"after damage ({harm.words}): {wanted}", got)


# Right after opening


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A violation, and which of the declared weaknesses would excuse it."""

    violation: Violation
    excuses: frozenset[Unnoticed] = _NOBODY


def _first(
    known: Known, shown: Mapping[str, Held], harm: Harm, run: DamagedRun
) -> Iterator[_Wrong]:
    for name, options in known.options.items():
        held = shown.get(name, Held())
        if any(_same(held, option) for option in options):
            continue
        own = name in harm.owners
        reported = _is_reported(name, held, harm, run)
        if reported and _is_alias(name, held, known, harm):
            continue  # a file that does not say whose it is, under the name that it has
        if not own:
            got = f"{told(held)}, and was {told(options[0])}"
            wanted = "a session whose files are untouched reads as before"
            yield _Wrong(_violation(Kind.LEAKED, name, harm, wanted, got))
            continue
        yield from _session(name, known, options, held, harm, reported)
    for name, held in shown.items():
        if name not in known.options and not held.is_nothing:
            yield from _newcomer(name, known, held, harm, _is_reported(name, held, harm, run))


def _is_nowhere(options: Sequence[Held]) -> bool:
    """Whether there need not be such a session."""
    return not options or any(option.is_nothing for option in options)


def _is_alias(name: str, held: Held, known: Known, harm: Harm) -> bool:
    """Whether it goes by the name of a file that does not say any more whose it is."""
    options = known.options[name]
    may_be = name in harm.owners and _is_nowhere(options)
    return may_be and held not in options and _is_of(harm.owners, held, known)


def _is_of(owners: Iterable[str], held: Held, known: Known) -> bool:
    return set(held.messages) <= known.ever(owners)


def _same(held: Held, option: Held) -> bool:
    if held.is_nothing or option.is_nothing:
        return held.is_nothing and option.is_nothing
    return (
        held.messages == option.messages
        and not held.error
        and canonical(_full(held.beside)) == canonical(_full(option.beside))
    )


def _bare(held: Held) -> Held:
    """Without what follows from the messages."""
    beside = {key: value for key, value in held.beside.items() if key not in held.implied}
    return Held(held.messages, beside, error=held.error)


def _full(beside: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in beside.items() if value}


def _session(
    name: str,
    known: Known,
    options: Sequence[Held],
    held: Held,
    harm: Harm,
    reported: bool,
) -> Iterator[_Wrong]:
    """A session with damaged files that does not read as before."""
    option = min(options, key=lambda one: _distance(held, one))
    shown, wanted = Counter(held.messages), Counter(option.messages)
    extra, missing = shown - wanted, wanted - shown

    def wrong(kind: Kind, promised: str, got: str, excuses: frozenset[Unnoticed]) -> _Wrong:
        return _Wrong(_violation(kind, name, harm, promised, got), excuses)

    foreign = [one for one in extra if one not in known.written[name]]
    doubled = [one for one in extra if one not in foreign and _exceeds(one, shown, known, name)]
    back = [one for one in extra if one not in foreign and one not in doubled]
    shown_only = "what is shown of a damaged session was written to it"
    if foreign:
        yield wrong(Kind.PHANTOM, shown_only, listed(foreign), _CHANGED)
    if doubled:
        yield wrong(Kind.DUPLICATED, shown_only, listed(doubled), _CHANGED)
    if not extra and not _is_within(held.messages, option.messages):
        promised = "what is left of a damaged session is in order"
        yield wrong(Kind.REORDERED, promised, told(held), _NOBODY)
    for key, value in _full(held.beside).items():
        was = option.beside.get(key)
        if isinstance(value, bool):
            continue  # it follows from what is there, and no one wrote it
        if was != value and canonical([key, value]) not in known.beside[name]:
            got = f"{key} is {shortened(value)}, and was {shortened(was)}"
            yield wrong(Kind.PHANTOM, shown_only, got, _CHANGED)
    elsewhere = Counter(harm.without.get(name, Held()).messages)
    hidden = [
        one
        for one in missing
        if one in harm.readable and shown[one] < _owed(wanted[one], one, harm, elsewhere)
    ]
    if hidden and not (held.error and harm.closed):
        promised = "a message whose bytes are untouched is shown"
        got = f"not shown: {listed(hidden)}" + (f" ({held.error})" if held.error else "")
        # A changed line that passes for another message takes the place of a copy of it elsewhere.
        excuses = _CHANGED if all(harm.taken.get(one) for one in hidden) else _NOBODY
        yield wrong(Kind.LOST, promised, got, excuses)
    if not reported and not foreign and not doubled:
        promised = "what damage changed is reported"
        if back:
            got = f"back without a word: {listed(back)}"
            yield wrong(Kind.RESURRECTED, promised, got, _SILENT)
        else:
            got = f"without a word: {told(held)} for {told(option)}"
            yield wrong(Kind.LOST, promised, got, _SILENT)


def _owed(wanted: int, message: bytes, harm: Harm, elsewhere: Counter[bytes]) -> int:
    """How often it is shown still: lines untouched by the damage, or read without the file.

    A line may stand in a file that no store reads, such as one of damaged bytes kept aside, or in
    that of another session: that it can be read somewhere does not say that it is this one.
    """
    return max(wanted - harm.taken.get(message, 0), min(wanted, elsewhere[message]))


def _distance(held: Held, option: Held) -> int:
    shown, wanted = Counter(held.messages), Counter(option.messages)
    changed = canonical(_full(held.beside)) != canonical(_full(option.beside))
    return 3 * (shown - wanted).total() + 2 * (wanted - shown).total() + changed


def _exceeds(message: bytes, shown: Counter[bytes], known: Known, name: str) -> bool:
    return shown[message] > known.written[name][message]


def _is_within(some: Sequence[bytes], all_of_them: Sequence[bytes]) -> bool:
    left = iter(all_of_them)
    return all(one in left for one in some)


def _newcomer(name: str, known: Known, held: Held, harm: Harm, reported: bool) -> Iterator[_Wrong]:
    """A session that nobody made."""
    if _is_of(harm.owners, held, known) and (harm.adds or harm.owners):
        # Its files by another name: the name that they should go by is what was damaged.
        return
    if harm.owners and reported and harm.lines.keys() >= set(held.messages):
        # All of it had been removed: a session that shows nothing is like none, until it is back.
        return
    if harm.adds and (held.messages or reported):
        return  # whoever put a well-formed file there may have meant it
    promised = "no session appears that nobody made"
    yield _Wrong(_violation(Kind.PHANTOM, name, harm, promised, told(held)), _CHANGED)


def _is_reported(name: str, held: Held, harm: Harm, run: DamagedRun) -> bool:
    if held.error or run.told.get(name):
        return True
    file = harm.file.rpartition("/")[2]
    # A name may be a word of any sentence; a file's is not.
    return any(
        file in text or repr(name) in text or text.startswith(f"{name}: ") for text in run.said
    )


# After it was used


@dataclass(frozen=True, slots=True)
class _Since:
    """What the first look lets expect of the later ones.

    owners: the sessions that may have suffered, names of files among them. failing: those that
    could not be read. unsure: those of which more may be seen later, or under another name. shown:
    all messages of the first look.
    """

    known: Known
    harm: Harm
    owners: frozenset[str]
    failing: frozenset[str]
    unsure: frozenset[str]
    shown: frozenset[bytes]


def _since(known: Known, harm: Harm, first: Mapping[str, Held]) -> _Since:
    aliases = frozenset(
        name
        for name, held in first.items()
        if not held.is_nothing and (name not in known.options or _is_alias(name, held, known, harm))
    )
    owners = harm.owners | aliases
    failing = frozenset(name for name in owners if first.get(name, Held()).error)
    # What cannot be read may be read again later on.
    unsure = owners if aliases or harm.closed else failing
    return _Since(known, harm, owners, failing, unsure, _messages_of(first))


def _later(model: Model[S], known: Known, harm: Harm, run: DamagedRun) -> Iterator[Violation]:
    """What went wrong when the store went on: the model goes along from what was shown first."""
    assert isinstance(model, Damageable)
    assert run.observed is not None
    since = _since(known, harm, model.contents(run.observed))
    states = [model.state_of(run.observed)]
    added: frozenset[bytes] = frozenset()
    for probe in run.probes:
        for refused in probe.refused:
            yield from _refused(refused, model.names([refused.operation]), since)
            # What goes file by file may have got as far as the damaged one.
            states += [one for state in states for one in model.between(state, refused.operation)]
            states = states[:_MOST_STATES]
        for operation in probe.done:
            states = [model.step(state, operation) for state in states]
        expected = [model.contents(model.view(state)) for state in states]
        added |= _messages_of(*expected) - since.shown
        if probe.observed is None:
            wanted = "the store can be looked at after it was written to"
            yield _violation(Kind.UNREADABLE, "the store", harm, wanted, probe.error)
            return
        wrong = list(_moved(expected, model.contents(probe.observed), since, added))
        if wrong:
            yield from wrong
            return


_MOST_STATES = 64


def _refused(refused: Refused, about: Sequence[str], since: _Since) -> Iterator[Violation]:
    got = f"{refused.operation} fails: {refused.error}"
    shared = since.harm.closed and not since.harm.owners
    if shared and refused.clear and since.harm.file.rpartition("/")[2] in refused.error:
        return  # all need it, as they need a lock, and the error says so
    if not frozenset(about) <= since.owners:
        wanted = "a session whose files are untouched can be written"
    elif not refused.clear:
        wanted = "a damaged session can be written, or the error says what is wrong"
    else:
        return
    yield _violation(Kind.STUCK, ", ".join(about), since.harm, wanted, got)


def _moved(
    expected: Sequence[Mapping[str, Held]],
    found: Mapping[str, Held],
    since: _Since,
    added: frozenset[bytes],
) -> Iterator[Violation]:
    """What is not as the operations leave it. added: the messages that they wrote."""
    owners, harm = since.owners, since.harm
    everywhere = Counter(one for name in owners for one in found.get(name, Held()).messages)
    allowed = since.known.ever(owners) | added | since.shown
    for name in dict.fromkeys([*(name for one in expected for name in one), *found]):
        held, options = found.get(name, Held()), [one.get(name, Held()) for one in expected]
        wanted = options[0]
        if any(_same(held, option) for option in options):
            continue
        if name in owners and any(_same(_bare(held), _bare(option)) for option in options):
            continue
        if harm.adds and set(held.messages) == set(wanted.messages):
            continue  # what is there twice need not be taken twice
        if held.error and name in owners and (name in since.failing or wanted.is_nothing):
            continue
        got = f"{told(held)}, where {told(wanted)} is due"
        if name not in owners and name in since.known.options:
            promised = "a session whose files are untouched goes on as it was"
            yield _violation(Kind.LEAKED, name, harm, promised, got)
            continue
        if not allowed.issuperset(held.messages):
            yield _violation(Kind.PHANTOM, name, harm, "what is shown was written", got)
            continue
        missing = Counter(wanted.messages) - everywhere
        if harm.closed:
            missing = Counter(one for one in missing if one in added)
        if name not in since.unsure or missing:
            promised = "a damaged session goes on from what was shown of it"
            yield _violation(Kind.LOST, name, harm, promised, got)


def _messages_of(*contents: Mapping[str, Held]) -> frozenset[bytes]:
    return frozenset(
        one for all_of in contents for held in all_of.values() for one in held.messages
    )
