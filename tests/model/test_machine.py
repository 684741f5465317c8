"""The machine alone, on a world that only takes notes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tornwrite.model.machine import (
    CrashMachine,
    Violated,
    key_of_run,
    literal,
    machine_for,
    plain,
    session_machine,
)
from tornwrite.model.operation import Operation

RUN = settings(
    max_examples=30,
    stateful_step_count=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


class Notes:
    """A world that holds a number of things and notes what is asked of it."""

    profiles = ("kill", "power")
    limits = ("some limit",)

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.opened = False

    def open(self) -> None:
        self.opened = True

    def apply(self, operation: Operation) -> None:
        assert self.opened
        self.calls.append(operation)

    def crash_choices(self, profile: str) -> int:
        return 3 if profile == "power" and self.calls else 0

    def crash(self, profile: str, index: int) -> None:
        assert 0 <= index < self.crash_choices(profile)
        self.calls.append((profile, index))

    def close(self) -> None:
        self.calls.append("closed")


class Worlds:
    def __init__(self, kind: type[Notes] = Notes) -> None:
        self.kind = kind
        self.made: list[Notes] = []

    def __call__(self) -> Notes:
        self.made.append(self.kind())
        return self.made[-1]

    def operations(self) -> list[Operation]:
        return [call for made in self.made for call in made.calls if isinstance(call, Operation)]


def failure(machine: type[CrashMachine], error: type[BaseException] = Violated) -> list[str]:
    """What Hypothesis prints of the shortest failing run."""
    with pytest.raises(error) as caught:
        run_state_machine_as_test(machine, settings=RUN)
    return [line for line in caught.value.__notes__ if line.startswith("state")]


def test_every_operation_is_a_rule_and_crashes_are_among_them() -> None:
    worlds = Worlds()
    run_state_machine_as_test(session_machine(worlds), settings=RUN)
    names = {operation.name for operation in worlds.operations()}
    assert names == {
        "add_message",
        "add_full_message",
        "set_summary",
        "truncate_history",
        "set_history",
        "compact",
        "reopen",
    }
    crashes = {call for made in worlds.made for call in made.calls if isinstance(call, tuple)}
    assert crashes == {("power", 0), ("power", 1), ("power", 2)}


def test_migration_is_a_rule_only_where_it_is_asked_for() -> None:
    worlds = Worlds()
    run_state_machine_as_test(session_machine(worlds, migrate=True), settings=RUN)
    assert Operation("migrate") in worlds.operations()


def test_operations_go_on_after_a_crash() -> None:
    worlds = Worlds()
    run_state_machine_as_test(session_machine(worlds), settings=RUN)

    def after_crash(calls: list[Any]) -> int:
        places = [place for place, call in enumerate(calls) if isinstance(call, tuple)]
        return len(calls) - places[0] if places else 0

    assert max(after_crash(made.calls) for made in worlds.made) > 5


def test_every_world_is_closed_at_the_end() -> None:
    worlds = Worlds()
    run_state_machine_as_test(session_machine(worlds), settings=RUN)
    assert all(made.calls[-1] == "closed" for made in worlds.made)


def test_a_world_is_closed_when_a_promise_is_not_kept() -> None:
    class Bad(Notes):
        def apply(self, operation: Operation) -> None:
            raise Violated("no")

    worlds = Worlds(Bad)
    with pytest.raises(Violated):
        run_state_machine_as_test(session_machine(worlds), settings=RUN)
    assert all(made.calls[-1] == "closed" for made in worlds.made)


def test_a_world_is_closed_when_it_cannot_be_opened() -> None:
    class Shut(Notes):
        def open(self) -> None:
            raise Violated("no")

    worlds = Worlds(Shut)
    with pytest.raises(Violated):
        run_state_machine_as_test(session_machine(worlds), settings=RUN)
    assert all(made.calls == ["closed"] for made in worlds.made)


class LosesAfterCrash(Notes):
    """Forgets an operation if it crashed before, in the third state of a power loss."""

    def apply(self, operation: Operation) -> None:
        if ("power", 2) in self.calls:
            raise Violated("lost")
        super().apply(operation)


def test_a_failure_after_a_crash_shrinks_to_two_operations_and_one_crash() -> None:
    machine = machine_for(Worlds(LosesAfterCrash), {"put": {"value": st.text()}})
    lines = failure(machine)
    assert lines == [
        "state = Machine()",
        "state.open()",
        lines[2],
        "state.crash(at=('power', 2))",
        lines[4],
        "state.teardown()",
    ]
    shortest = {"state.put(value='')", "state.reopen()"}
    assert {lines[2], lines[4]} <= shortest


def test_what_is_printed_runs_again() -> None:
    machine = machine_for(Worlds(LosesAfterCrash), {"put": {"value": st.text()}})
    program = failure(machine)
    with pytest.raises(Violated, match="lost"):
        exec("\n".join(program), {"Machine": machine})


class RefusesLong(Notes):
    def apply(self, operation: Operation) -> None:
        for value in operation.arguments.values():
            assert type(value) is str
            if len(value) > 1000:
                raise Violated("too long")


def test_long_text_prints_short_and_arrives_plain() -> None:
    long = st.sampled_from(["é\n" * 2048])
    machine = machine_for(Worlds(RefusesLong), {"put": {"value": long}})
    assert "state.put(value='é\\n' * 2048)" in failure(machine)


def test_arguments_can_be_drawn_together() -> None:
    worlds = Worlds()
    both = st.fixed_dictionaries({"low": st.just(1), "high": st.just(2)})
    run_state_machine_as_test(machine_for(worlds, {"put": both}), settings=RUN)
    assert Operation("put", {"low": 1, "high": 2}) in worlds.operations()


def test_arguments_may_have_names_that_hypothesis_uses() -> None:
    worlds = Worlds()
    machine = machine_for(worlds, {"move": {"target": st.just("b"), "machine": st.just("m")}})
    run_state_machine_as_test(machine, settings=RUN)
    assert Operation("move", {"target": "b", "machine": "m"}) in worlds.operations()


@pytest.mark.parametrize("name", ["crash", "reopen", "world", "teardown", "do"])
def test_an_operation_cannot_take_a_name_of_the_machine(name: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        machine_for(Worlds(), {name: {}})


def test_a_run_may_begin_in_several_ways_and_be_about_few_keys() -> None:
    class Begun(Notes):
        def open(self, start: str = "") -> None:
            super().open()
            self.start = start

    worlds = Worlds(Begun)
    machine = machine_for(
        worlds,
        {"put": {"key": key_of_run()}},
        starts=("", "full"),
        keys=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=2, unique=True),
    )
    run_state_machine_as_test(machine, settings=RUN)
    assert {made.start for made in worlds.made} == {"", "full"}
    of_runs = [
        {call.arguments["key"] for call in made.calls if getattr(call, "name", "") == "put"}
        for made in worlds.made
    ]
    assert max(map(len, of_runs)) == 2
    assert len(set().union(*of_runs)) > 2


def test_a_run_that_fails_prints_how_it_began() -> None:
    class Full(Notes):
        def open(self, start: str = "") -> None:
            super().open()
            if start == "full":
                raise Violated("no")

    lines = failure(machine_for(Worlds(Full), {}, starts=("", "full")))
    assert lines[1] == "state.open(start='full', keys=())"


def test_rules_can_be_written_by_hand() -> None:
    worlds = Worlds()

    class Mine(CrashMachine):
        make_world = staticmethod(worlds)

        @rule(value=st.integers())
        def put(self, value: int) -> None:
            self.do(Operation("put", {"value": value}))

    run_state_machine_as_test(Mine, settings=RUN)
    assert {operation.name for operation in worlds.operations()} == {"put", "reopen"}


@pytest.mark.parametrize(
    "value",
    ["", "x", "ab" * 50, "\U0001f9f5\n" * 3000, "a" * 100 + "b", {"k": ["x" * 99, None, 1.5]}],
)
def test_a_literal_evaluates_to_the_value(value: Any) -> None:
    assert eval(literal(value)) == value
    assert len(literal(value)) < 120


def test_plain_data_keeps_nothing_of_the_printing() -> None:
    drawn = plain({"k": ["x" * 100]})
    assert type(drawn["k"][0]) is str
