"""Subjects out of a few lines: how a store is opened, what is asked of it, what it promises.

    notes = python_subject(
        open=Notes,
        model=KeyValue(),
        operations={
            "put": {"key": st.sampled_from("abc"), "value": st.text()},
            "delete": {"key": st.sampled_from("abc")},
        },
    )

From that alone it is recorded, crashed, killed and filled up, in scenarios that are made of its
operations (`tornwrite gate`), in all sequences of them (`explore`), and at random (`soak`).
"""

import contextlib
import inspect
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis.strategies import SearchStrategy

from tornwrite.model.alphabets import Alphabet, Part, Template, Values
from tornwrite.model.judge import Model
from tornwrite.model.machine import CrashMachine
from tornwrite.model.shapes.differences import DURABLE, GOES_ON, READABLE, WHOLE
from tornwrite.model.shapes.shape import Samples, Shape
from tornwrite.scenarios.built.driver import (
    Looks,
    Store,
    StoreDriver,
    names_by_lot,
    steady_names,
)
from tornwrite.scenarios.built.scenarios import Made, scenarios_of
from tornwrite.scenarios.built.values import (
    CONTENTS,
    KEYS,
    OTHERS,
    Strategies,
    long_value_of,
    plain_only,
    values_of,
)
from tornwrite.scenarios.recording import REOPEN, Misused
from tornwrite.scenarios.subject import Driver, Scenario, Subject, WrongUse

NOTHING_TO_DO: tuple[type[Exception], ...] = (LookupError, FileNotFoundError, queue.Empty)
"""What stores raise who are asked to remove what is not there."""

M = TypeVar("M", bound=Model[Any])


def python_subject(
    open: Callable[[str], Store],  # noqa: A002 - what a Subject calls it too
    model: Model[Any],
    operations: Strategies,
    *,
    about: str = "",
    weakened: Sequence[str] = (),
    scenarios: Sequence[Scenario] | None = None,
    source: Sequence[str] = (),
    name: str = "",
    refusals: tuple[type[Exception], ...] = NOTHING_TO_DO,
    not_undone: Callable[[BaseException], bool] = lambda error: False,
) -> Subject:
    """A subject out of a class of one's own.

    open: given a directory, opens the store there; that is its recovery. What it gives has a method
        for each operation, called with the arguments by name, `observe()`, which gives all that the
        store holds as plain data, and `close()`. When a method returns, the operation is
        acknowledged; when it raises, it has failed and has changed nothing.
    model: what the store promises: one of `tornwrite.AppendLog`, `KeyValue`, `Document`, `Queue`,
        or a model of one's own, whose observations are `{"content": what observe() gives}`.
    operations: a Hypothesis strategy for each argument of each operation. What they give has to be
        plain data; of numbers, those of 64 bits are taken.
    about: a few words, for reports; the first line of what `open` says of itself unless given.
    weakened: promises that the store does not make, beside those that the model says.
    scenarios: what the gate runs; made of the operations unless given.
    source: the modules that the store is made of; that of `open` unless given.
    refusals: exceptions that say that there is nothing to do, and nothing was changed.
    not_undone: whether an error says that the operation failed and its change is still to be seen.

    Raises WrongUse when these do not go together, saying what to do.
    """
    built = build(model, operations)
    misshapen = _shape_check(built.model)
    label = about or _first_line(open) or name or "a store"
    arguments = {one: tuple(given) for one, given in operations.items()}

    def opened(directory: str) -> Driver:
        steady_names()
        looks = Looks(label, misshapen, directory)
        return StoreDriver(open(directory), arguments, looks, refusals)

    def check(directory: str) -> None:
        with contextlib.ExitStack() as stack:
            # What else goes wrong is the store's own, and found when it is run.
            stack.enter_context(_all_but_misuse())
            stack.callback(names_by_lot)
            driver = opened(directory)
            stack.callback(driver.close)
            driver.observe(())

    return Subject(
        about=label,
        model=built.model,
        open=opened,
        scenarios=built.scenarios if scenarios is None else tuple(scenarios),
        weakened=(*built.weakened, *weakened),
        source=tuple(source) or (getattr(open, "__module__", ""),),
        name=name,
        alphabet=built.alphabet,
        not_undone=not_undone,
        file_objects=True,
        check=check,
    )


@contextlib.contextmanager
def _all_but_misuse() -> Iterator[None]:
    try:
        yield
    except Misused:
        raise
    except Exception:
        return


@dataclass(frozen=True, slots=True)
class Built:
    """What follows from a model and its operations, however the store is driven.

    model: the one given, which now knows what the harness may write.
    """

    model: Model[Any]
    alphabet: Alphabet
    scenarios: tuple[Scenario, ...]
    weakened: tuple[str, ...]


def build(model: Model[Any], operations: Strategies) -> Built:
    """Work out the alphabet, the scenarios and the probes. Raises WrongUse as `python_subject`."""
    _check_names(operations)
    shape = model if isinstance(model, Shape) else None
    if shape is not None:
        _check_signatures(shape, operations)
    templates: list[Template] = []
    samples: dict[Part, tuple[Any, ...]] = {}
    long: dict[str, Any] = {}
    for name, given in operations.items():
        parts = shape.signatures[name] if shape is not None else None
        arguments: dict[str, Values] = {}
        for argument, strategy in given.items():
            part = (parts or {}).get(argument, Part.OTHER)
            values, kept = _values(strategy, part, f"{argument} of {name}")
            arguments[argument] = Values(values, plain_only(strategy), part)
            samples.setdefault(part, kept)
            if part is Part.CONTENT and (found := long_value_of(strategy)) is not None:
                long[name] = found
        templates.append(Template(name, arguments))
    promises = (DURABLE, WHOLE, READABLE, GOES_ON)
    if shape is not None:
        promises = (shape.durable, WHOLE, READABLE, GOES_ON)
        keys, contents = samples.get(Part.KEY), samples.get(Part.CONTENT)
        usual = Samples()
        shape = shape.with_samples(Samples(keys or usual.keys, contents or usual.contents))
    alphabet = Alphabet((*templates, Template(REOPEN)))
    return Built(
        model=model if shape is None else shape,
        alphabet=alphabet,
        scenarios=scenarios_of(Made(alphabet, long, promises)),
        weakened=() if shape is None else shape.weakened,
    )


_MOST = {Part.KEY: KEYS, Part.CONTENT: CONTENTS, Part.OTHER: OTHERS}
_WORDS = {
    Part.KEY: ("a", "b", "c", "of the harness"),
    Part.CONTENT: (
        *("first", "second", "third", "fourth", "fifth", "sixth"),
        *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
        *Samples().contents,
    ),
    Part.OTHER: (),
}
_KEPT = {Part.KEY: 1, Part.CONTENT: 2, Part.OTHER: 0}
"""How many values of a kind are left to the harness."""


def _values(
    strategy: SearchStrategy[Any], part: Part, where: str
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The values for workloads, and those that only the harness writes, if there are enough."""
    if not isinstance(strategy, SearchStrategy):
        raise WrongUse(
            f"{where} has to be a Hypothesis strategy (st.text(), st.integers(), "
            f"st.sampled_from([…])), which {strategy!r} is not"
        )
    found = values_of(strategy, _MOST[part], where, _WORDS[part])
    kept = _KEPT[part]
    if kept and len(found) >= kept + 2:
        return found[:-kept], found[-kept:]
    return found, found[-kept:] if kept else ()


# What does not go together


def _check_names(operations: Strategies) -> None:
    if not operations:
        raise WrongUse("a subject needs operations: {'put': {'key': st.text(), …}, …}")
    for name, given in operations.items():
        if not isinstance(given, Mapping):
            raise WrongUse(
                f"the operation {name} has to have a dict of strategies, by the names of its "
                f"arguments ({{}} if it has none), which {given!r} is not"
            )
        if name in ("open", "close", "observe", REOPEN) or hasattr(CrashMachine, name):
            raise WrongUse(
                f"an operation cannot be called {name!r}, which the harness uses itself; give the "
                "object a method of another name that calls it"
            )


def _check_signatures(shape: Shape[Any], operations: Strategies) -> None:
    kind = type(shape).__name__
    known = shape.signatures
    for name, given in operations.items():
        if name not in known:
            raise WrongUse(
                f"{kind} knows no operation {name!r}, only {', '.join(known)}; name it as one of "
                f"these ({kind}({next(iter(shape.changing))}={name!r})), or, if it changes nothing "
                f"that a reader sees, with unchanged=({name!r},)"
            )
        wanted = known[name]
        if wanted is not None and set(given) != set(wanted):
            raise WrongUse(
                f"{name} of {kind} has {_arguments(wanted)}, and there are strategies for "
                f"{', '.join(given) or 'none'}; where the store calls them otherwise, say so: "
                f"{kind}({next(iter(wanted), 'key')}=…)"
            )
    for name in known:
        if name not in operations:
            raise WrongUse(
                f"{kind} has the operation {name!r}, and there are no strategies for it; if the "
                f"store has none, say so: {kind}({name}=None) where it can do without it"
            )


def _arguments(wanted: Sequence[str] | Mapping[str, Part]) -> str:
    names = list(wanted)
    if not names:
        return "no arguments"
    return f"the argument{'s' if len(names) > 1 else ''} {' and '.join(names)}"


def _shape_check(model: Model[Any]) -> Callable[[Any], str]:
    return model.misshapen if isinstance(model, Shape) else lambda content: ""


def _first_line(opens: object) -> str:
    named = inspect.isclass(opens) or inspect.isfunction(opens)
    text = inspect.getdoc(opens) if named else None
    return (text or "").partition("\n")[0].rstrip(".")
