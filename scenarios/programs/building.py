"""Subjects out of a program: how its driver is started, what is asked of it, what it promises."""

from collections.abc import Mapping, Sequence
from typing import Any

from tornwrite.model.judge import Model
from tornwrite.model.shapes.shape import Shape
from tornwrite.scenarios.built.building import build
from tornwrite.scenarios.built.driver import Looks
from tornwrite.scenarios.built.values import Strategies
from tornwrite.scenarios.programs.driver import Opener
from tornwrite.scenarios.programs.protocol import RESERVED, Program
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


def program_subject(
    command: Sequence[str],
    model: Model[Any],
    operations: Strategies,
    *,
    about: str = "",
    timeout_s: float = 10.0,
    env: Mapping[str, str] | None = None,
    weakened: Sequence[str] = (),
    scenarios: Sequence[Scenario] | None = None,
    name: str = "",
) -> Subject:
    """A subject out of a driver: any executable that answers JSON lines.

    command: the driver and its arguments, started in the directory of the pyproject.toml that has
        `[tool.tornwrite]`, or in the current one where there is none; a relative path is relative
        to that. It is talked to as `tornwrite.scenarios.programs.protocol` says.
    model: what it promises: one of `tornwrite.AppendLog`, `KeyValue`, `Document`, `Queue`, or a
        model of one's own, whose observations are `{"content": what observe answers}`.
    operations: a Hypothesis strategy for each argument of each operation; plain data.
    about: a few words, for reports; the command unless given.
    timeout_s: how long the driver may take for one answer, in seconds.
    env: variables that it is given beside those that the harness has.
    weakened: promises that it does not make, beside those that the model says.
    scenarios: what the gate runs; made of the operations unless given.

    Raises WrongUse when these do not go together, saying what to do.
    """
    if isinstance(command, str) or not command or not all(isinstance(w, str) for w in command):
        raise WrongUse(
            'command is a list: the driver and its arguments, ["./driver", "--fast"] for example, '
            f"which {command!r} is not"
        )
    if not timeout_s > 0:
        raise WrongUse(f"timeout_s is a time in seconds, more than 0, which {timeout_s!r} is not")
    taken = [one for one in operations if one in RESERVED]
    if taken:
        raise WrongUse(
            f"an operation cannot be called {taken[0]!r}: that is a request of the protocol's own"
        )
    built = build(model, operations)
    label = about or " ".join(command)
    program = Program(tuple(command), timeout_s, dict(env or {}))
    misshapen = built.model.misshapen if isinstance(built.model, Shape) else lambda content: ""
    return Subject(
        about=label,
        model=built.model,
        open=Opener(program, lambda directory: Looks(label, misshapen, directory)),
        scenarios=built.scenarios if scenarios is None else tuple(scenarios),
        weakened=(*built.weakened, *weakened),
        name=name,
        alphabet=built.alphabet,
        program=program,
    )
