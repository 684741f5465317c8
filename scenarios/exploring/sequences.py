"""Sequences of operations that are no scenarios: made of a subject's alphabet, told, read again."""

from collections.abc import Sequence

import orjson

from tornwrite.model.alphabets import Alphabet
from tornwrite.model.operation import Operation
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


def spelled(operations: Sequence[Operation]) -> str:
    """A sequence in short: the operations with their arguments' values."""
    return "; ".join(
        f"{one.name}({', '.join(_said(value) for value in one.arguments.values())})"
        for one in operations
    )


def _said(value: object) -> str:
    match value:
        case {"content": content}:
            return str(content)
        case list():
            return f"[{', '.join(map(_said, value))}]"
        case _:
            return str(value)


def as_json(operations: Sequence[Operation]) -> str:
    """A sequence as `from_json` reads it."""
    return orjson.dumps([{one.name: dict(one.arguments)} for one in operations]).decode()


def from_json(text: str) -> tuple[Operation, ...]:
    """The operations in `[{"add": {"key": "k0"}}, …]`. Raises WrongUse when there are none."""
    try:
        loaded = orjson.loads(text)
        if not isinstance(loaded, list) or not loaded:
            raise ValueError("it is no list, or an empty one")
        steps = [next(iter(step.items())) for step in loaded]
        return tuple(Operation(name, dict(arguments)) for name, arguments in steps)
    except (ValueError, AttributeError, TypeError, StopIteration) as error:
        raise WrongUse(
            f"{text!r} is no sequence of operations ({error}); write it as a JSON list of objects, "
            'each an operation\'s name with its arguments: [{"delete": {"key": "k0"}}]'
        ) from error


def as_scenario(operations: Sequence[Operation]) -> Scenario:
    """The sequence as a scenario of its own, which begins with nothing."""
    return Scenario(spelled(operations), "a sequence of operations", (), tuple(operations))


def alphabet_of(subject: Subject) -> Alphabet:
    """The subject's alphabet. Raises WrongUse when it declares none."""
    if subject.alphabet is None:
        raise WrongUse(
            f"{subject.name} declares no alphabet, so there is nothing to make workloads of; give "
            "its Subject one (tornwrite.model.alphabets)"
        )
    return subject.alphabet
