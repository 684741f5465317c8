"""The world: right stores pass the machine, each way to be wrong is caught, failures run again."""

import contextlib
import glob
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tornwrite.faults.epochs import epochs
from tornwrite.faults.profiles import EXT4, KILL, POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import scratch_root
from tornwrite.faults.states import kill_states
from tornwrite.faults.steps import Close, Fsync, Open, Write
from tornwrite.faults.trace import Acknowledged, Began, Restarted, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.machine import CrashMachine, Violated, machine_for, session_machine
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.sessions import SessionModel
from tornwrite.model.strategies import contents
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.chosen_cuts import chosen_cuts, kills
from tornwrite.scenarios.continuation import closings, until
from tornwrite.scenarios.promised import Promised
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject
from tornwrite.scenarios.world import Worlds, is_refusal, replay

RUN = settings(
    max_examples=60,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Stores log each repair, and there are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    own = os.path.join(scratch_root().path, f"tornwrite-{os.getpid()}-*")
    assert glob.glob(own) == []
    assert not Recorder.active()


# A small store of its own: lines that are appended, and a title that is replaced


class Notebook:
    """Right, unless it is told to be wrong in one of the ways of `FLAWS`."""

    def __init__(self, root: str, flaw: str = "") -> None:
        self._flaw = flaw
        self._root = root
        self._lines = os.path.join(root, "lines")
        self._title = os.path.join(root, "title")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._title + ".new")
        # Who made a file may have died before making its name durable.
        if flaw not in ("no directory sync", "directory sync by the maker only"):
            self._sync_directory()

    def add(self, text: str) -> None:
        is_new = not os.path.exists(self._lines)
        with open(self._lines, "ab", buffering=0) as file:
            if self._flaw != "torn tail kept":
                file.truncate(self._data().rfind(b"\n") + 1)
            file.write(json.dumps(text).encode() + b"\n")
            if self._flaw != "no fsync":
                os.fsync(file.fileno())
        if is_new and self._flaw != "no directory sync":
            self._sync_directory()

    def entitle(self, text: str) -> None:
        with open(self._title + ".new", "wb") as file:
            file.write(text.encode())
            file.flush()
            if self._flaw != "rename without fsync":
                os.fsync(file.fileno())
        if self._flaw == "unlinked before renamed":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._title)
        os.rename(self._title + ".new", self._title)
        if self._flaw != "no directory sync":
            self._sync_directory()

    def read(self) -> Observation:
        title = b""
        with contextlib.suppress(FileNotFoundError), open(self._title, "rb") as file:
            title = file.read()
        whole = self._data().rpartition(b"\n")[0]
        lines = [json.loads(line) for line in whole.split(b"\n")] if whole else []
        return {"lines": lines, "title": title.decode()}

    def _data(self) -> bytes:
        with contextlib.suppress(FileNotFoundError), open(self._lines, "rb") as file:
            return file.read()
        return b""

    def _sync_directory(self) -> None:
        directory = os.open(self._root, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


class NotebookDriver:
    def __init__(self, root: str, flaw: str) -> None:
        self._root = root
        self._book = Notebook(root, flaw)

    def apply(self, operation: Operation) -> None:
        if operation.arguments["text"] == "refused":
            raise ValueError("that cannot be stored")
        if operation.arguments["text"] == "broken":
            raise RuntimeError("list index out of range")
        getattr(self._book, operation.name)(**operation.arguments)

    def observe(self, names: Sequence[str]) -> Observation:
        return self._book.read()

    def settled(self, names: Sequence[str]) -> Observation:
        return {"litter": sorted(set(os.listdir(self._root)) - {"lines", "title"})}

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Written:
    lines: tuple[str, ...] = ()
    title: str = ""


class NotebookModel:
    def state_of(self, observed: Observation) -> Written:
        return Written(tuple(observed.get("lines", ())), observed.get("title", ""))

    def step(self, state: Written, operation: Operation) -> Written:
        match operation.name:
            case "add":
                return replace(state, lines=(*state.lines, operation.arguments["text"]))
            case "entitle":
                return replace(state, title=operation.arguments["text"])
            case _:
                return state

    def between(self, state: Written, operation: Operation) -> Iterable[Written]:
        return ()

    def view(self, state: Written) -> Observation:
        return {"lines": list(state.lines), "title": state.title}

    def normalised(self, observed: Observation) -> Observation:
        return {"lines": observed["lines"], "title": observed["title"]}

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return ()

    def probes(self, state: Written, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return (
            (Operation("add", {"text": "after"}),),
            (Operation("entitle", {"text": "after"}),),
        )

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Written],
        past: Sequence[Written],
        after: Sequence[Operation],
    ) -> Violation:
        kind = Kind.UNREADABLE if "error" in observed else Kind.LOST
        wanted = " or ".join(str(canonical(self.view(state))) for state in permitted)
        done = ", ".join(map(str, after))
        return Violation(kind, promises.DURABLE, "", wanted, str(observed), done)

    def beside(self, permitted: Sequence[Written], observed: Observation) -> Iterable[Violation]:
        return ()

    def settled(self, observed: Observation) -> Iterable[Violation]:
        if observed["litter"]:
            yield Violation(Kind.LITTER, promises.TIDY, "", "none", str(observed["litter"]))


def notebook(flaw: str = "") -> Subject:
    return Subject(
        about="lines and a title",
        model=NotebookModel(),
        open=lambda root: NotebookDriver(root, flaw),
        scenarios=(),
        name="notebook",
    )


def notebook_machine(flaw: str = "", **worlds: Any) -> type[CrashMachine]:
    texts = st.sampled_from(("x", "y", "")) | contents(large=False)
    made = Worlds(notebook(flaw), **worlds)
    return machine_for(made, {"add": {"text": texts}, "entitle": {"text": texts}})


def found(machine: type[CrashMachine], run: settings = RUN) -> tuple[str, list[str]]:
    """What is said about the violation, and the steps of the shortest run that shows it."""
    with pytest.raises(Violated) as caught:
        run_state_machine_as_test(machine, settings=run)
    notes = [line for line in caught.value.__notes__ if line.startswith("state.")]
    return str(caught.value), notes[1:-1]


def test_a_right_store_passes() -> None:
    run_state_machine_as_test(notebook_machine(), settings=settings(RUN, max_examples=40))


@pytest.mark.parametrize(
    ("flaw", "shortest", "kind", "profile"),
    [
        ("no fsync", 1, "lost", "ext4"),
        ("no directory sync", 1, "lost", "posix"),
        ("torn tail kept", 1, "unreadable", "kill"),
        ("rename without fsync", 1, "lost", "ext4"),
        ("unlinked before renamed", 2, "lost", "kill"),
        ("directory sync by the maker only", 3, "lost", "posix"),
    ],
)
def test_each_way_to_be_wrong_is_caught(flaw: str, shortest: int, kind: str, profile: str) -> None:
    said, steps = found(notebook_machine(flaw))
    assert len(steps) == shortest
    assert said.startswith(f"{kind}: ")
    assert f"crash        {profile}, the strongest profile that shows it" in said


def test_what_a_killed_process_did_not_sync_is_still_not_synced_for_the_next_one() -> None:
    """The next process finds the file and leaves its name to the maker, who is dead."""
    flawed = notebook("directory sync by the maker only")
    add = {"add": {"text": "x"}}
    at_once = {"crash": {"profile": "kill", "index": 3}}
    replay(flawed, [add, add])
    with pytest.raises(Violated, match="the process is killed during add"):
        replay(flawed, [add, at_once, add])
    # After a power loss the file is either there for good or not there.
    lost = {"crash": {"profile": "posix", "index": 1}}
    replay(flawed, [add, lost, add])


def test_an_operation_that_a_kill_cut_off_stays_in_doubt() -> None:
    """Nobody acknowledged it: a later power loss may take it, though it was seen in between."""
    add = {"add": {"text": "x"}}
    world = Worlds(notebook())()
    try:
        world.open()
        world.apply(Operation("add", {"text": "x"}))
        states = world.crash_choices("kill")
    finally:
        world.close()
    assert states > 3
    for index in range(states):
        replay(notebook(), [add, {"crash": {"profile": "kill", "index": index}}, add])


def test_a_kill_decides_for_the_next_kill_and_not_for_a_power_loss() -> None:
    promised = Promised(NotebookModel(), Written())
    promised.tell(Began(0, "add", {"text": "x"}))
    promised.tell(Acknowledged(0))
    # The kill came before the acknowledgement.
    promised.process_killed(1, Written(("x",)))
    permitted = promised.permitted()
    assert permitted.under(KILL).states == (Written(("x",)),)
    assert permitted.under(POSIX).states == (Written(), Written(("x",)))
    promised.power_lost(Written())
    assert promised.permitted().under(KILL).states == (Written(),)
    assert promised.permitted().under(POSIX).states == (Written(),)


def test_a_kill_closes_what_the_process_had_open() -> None:
    world = Worlds(notebook(), profiles=(KILL,))()
    try:
        world.open()
        world.apply(Operation("add", {"text": "x"}))
        world.crash("kill", 1)  # after the file was made, with nothing in it yet
        events = world._trace().events
    finally:
        world.close()
    restart = events.index(Restarted())
    assert isinstance(events[restart - 1], Stepped)
    assert isinstance(events[restart - 1].step, Close)


def test_recovery_is_judged_too() -> None:
    """It removes a temporary file; when it removes another as well, that is seen at the opening."""

    class Sweeping(NotebookDriver):
        def __init__(self, root: str) -> None:
            # Loses the title, for a moment.
            title = os.path.join(root, "title")
            if os.path.exists(title):
                with open(title, "rb") as file:
                    content = file.read()
                with open(title, "wb") as file:
                    file.write(content)
            super().__init__(root, "")

    sweeping = replace(notebook(), open=Sweeping)
    replay(sweeping, [{"add": {"text": "x"}}])
    with pytest.raises(Violated, match="during reopen"):
        replay(sweeping, [{"entitle": {"text": "x"}}, {"reopen": {}}])


def test_a_refused_operation_has_to_change_nothing() -> None:
    replay(notebook(), [{"add": {"text": "refused"}}, {"add": {"text": "x"}}])

    class Half(NotebookDriver):
        def apply(self, operation: Operation) -> None:
            if operation.arguments["text"] == "refused":
                super().apply(Operation("add", {"text": "half"}))
            super().apply(operation)

    half = replace(notebook(), open=lambda root: Half(root, ""))
    with pytest.raises(Violated, match="without any crash"):
        replay(half, [{"add": {"text": "refused"}}])


def test_an_operation_that_fails_without_a_reason_is_a_violation() -> None:
    with pytest.raises(Violated, match="list index out of range"):
        replay(notebook(), [{"add": {"text": "broken"}}])


def test_a_refusal_is_a_value_error_and_damage_is_none() -> None:
    assert is_refusal(ValueError("no"))
    assert is_refusal(OSError(36, "File name too long"))
    assert not is_refusal(OSError(28, "No space left on device"))
    assert not is_refusal(KeyError("skip"))
    with pytest.raises(json.JSONDecodeError) as damaged:
        json.loads("{")
    assert not is_refusal(damaged.value)


def test_a_limit_is_told() -> None:
    world = Worlds(notebook(), budget=3)()
    try:
        world.open()
        assert world.limits == ()
        world.apply(Operation("add", {"text": "x"}))
        assert world.limits == (
            "kill: budget of 3 images reached",
            "posix: budget of 3 images reached",
        )
        assert world.crash_choices("kill") <= 3
    finally:
        world.close()


def test_a_failure_tells_the_limits_before_it() -> None:
    long = {"add": {"text": "x" * 100}}
    with pytest.raises(Violated, match="not judged before that: kill: writes of more than 16"):
        replay(notebook(), [long, {"add": {"text": "broken"}}])


def test_a_long_write_that_is_not_cut_at_each_byte_is_told() -> None:
    world = Worlds(notebook(), profiles=(KILL,))()
    try:
        world.open()
        world.apply(Operation("add", {"text": "x" * 100}))
        assert world.limits == ("kill: writes of more than 16 bytes cut at each byte",)
        world.apply(Operation("add", {"text": "x"}))
        assert world.limits == ()
    finally:
        world.close()


def test_a_crash_that_cannot_be_is_refused() -> None:
    with pytest.raises(WrongUse, match="no crash under 'xfs' is possible here"):
        replay(notebook(), [{"crash": {"profile": "xfs", "index": 0}}])
    with pytest.raises(WrongUse, match="there is no state 9999"):
        replay(notebook(), [{"crash": {"profile": "kill", "index": 9999}}])


def test_a_world_needs_a_profile() -> None:
    with pytest.raises(WrongUse, match="there is no profile 'ext5'"):
        replay(notebook(), [], profiles=("ext5",))
    with pytest.raises(WrongUse, match="at least one profile"):
        Worlds(notebook(), profiles=())


def test_only_the_profiles_asked_for_are_judged() -> None:
    replay(notebook("no fsync"), [{"add": {"text": "x"}}], profiles=("kill",))
    with pytest.raises(Violated):
        replay(notebook("no fsync"), [{"add": {"text": "x"}}], profiles=("ext4",))
    world = Worlds(notebook(), profiles=(KILL, EXT4))()
    assert world.profiles == ("kill", "ext4")
    world.close()


# The session stores

SESSIONS = settings(RUN, max_examples=25, stateful_step_count=12)


def test_the_reference_store_passes() -> None:
    run_state_machine_as_test(
        session_machine(Worlds("tornwrite.scenarios.stores:reference", budget=100)),
        settings=SESSIONS,
    )


def test_the_reference_store_passes_with_legacy_files() -> None:
    worlds = Worlds("tornwrite.scenarios.stores:reference", scenario="migration")
    machine = session_machine(worlds, keys=st.sampled_from(("chat:1", "chat:2")), migrate=True)
    run_state_machine_as_test(machine, settings=settings(SESSIONS, max_examples=8))


def test_the_published_store_swallows_the_message_after_a_torn_one() -> None:
    said, steps = found(session_machine(Worlds("tornwrite.scenarios.known_bad:jsonl")), SESSIONS)
    assert len(steps) == 1
    assert "torn tail: a torn tail never touches a later message" in said


class WithoutLitter(SessionModel):
    """The published store leaves temporary files, which would be found first."""

    def settled(self, observed: Observation) -> Iterable[Violation]:
        return ()


def rewriting(subject: str) -> type[CrashMachine]:
    """No appends and no kills: the torn tail, too, would be found first."""
    history = st.lists(st.sampled_from("ab"), max_size=2).map(
        lambda texts: [{"role": "user", "content": text} for text in texts]
    )
    lenient = replace(load_subject(subject), model=WithoutLitter())
    return machine_for(
        Worlds(lenient, profiles=(EXT4, POSIX), budget=60),
        {
            "set_history": {"key": st.just("a"), "history": history},
            "truncate_history": {"key": st.just("a"), "keep_last": st.integers(0, 1)},
        },
    )


def test_the_published_store_brings_back_what_was_truncated() -> None:
    said, steps = found(rewriting("tornwrite.scenarios.known_bad:jsonl"), SESSIONS)
    assert len(steps) <= 3
    assert said.startswith(("resurrected: ", "lost: "))


def test_the_reference_store_does_not() -> None:
    machine = rewriting("tornwrite.scenarios.stores:reference")
    run_state_machine_as_test(machine, settings=SESSIONS)


# What a failure prints


def snippet(said: str) -> str:
    return said[said.index("from tornwrite.scenarios.world import replay") :]


def test_a_failure_prints_a_program_that_shows_it_again() -> None:
    machine = session_machine(
        Worlds("tornwrite.scenarios.known_bad:jsonl", budget=150), keys=st.just("a")
    )
    said, _ = found(machine, SESSIONS)
    program = snippet(said)
    assert "budget=150" in program
    with pytest.raises(Violated) as again:
        exec(program, {})
    assert str(again.value) == said


def test_a_failure_after_a_crash_prints_a_program_that_shows_it_again() -> None:
    flaw = "directory sync by the maker only"
    said, steps = found(notebook_machine(flaw))
    assert any("crash" in step for step in steps)
    program = snippet(said).replace("'notebook'", "subject")
    with pytest.raises(Violated) as again:
        exec(program, {"subject": notebook(flaw)})
    assert str(again.value) == said


def test_a_failure_tells_what_is_wrong_and_how_it_came_about() -> None:
    said, _ = found(notebook_machine("no fsync"))
    assert said.splitlines()[0] == "lost: an acknowledged change is gone"
    assert "promised     " in said
    assert "came back    " in said
    assert "after add returned" in said
    assert "not on disk" in said
    assert "  1  add(text='x')" in said


# Kills


def traced(text: str) -> Trace:
    world = Worlds(notebook(), profiles=(KILL,))()
    try:
        world.open()
        world.apply(Operation("add", {"text": text}))
        world.apply(Operation("entitle", {"text": text}))
        return world._trace()
    finally:
        world.close()


def test_kills_cut_at_each_byte_are_those_of_the_disk_model() -> None:
    trace = traced("some text")
    wanted = epochs(trace)
    expected = {(state.epoch, state.image) for state in kill_states(trace, wanted)}
    assert {(state.epoch, state.image) for state in kills(trace, wanted, 1_000)} == expected


def test_kills_with_chosen_cuts_are_some_of_them() -> None:
    trace = traced("é" * 400)
    wanted = epochs(trace)
    expected = {(state.epoch, state.image) for state in kill_states(trace, wanted)}
    chosen = {(state.epoch, state.image) for state in kills(trace, wanted, 16)}
    assert chosen < expected
    assert len(chosen) < len(expected) / 10


def test_long_writes_are_cut_where_stores_break() -> None:
    data = b"one\ntwo \xc3\xa9 three\nfour four\n"
    cuts = chosen_cuts(data, 4)
    assert cuts == sorted(set(cuts))
    assert {1, len(data) - 1, data.index(b"\n"), data.index(b"\n") + 1} <= set(cuts)
    assert data.index(b"\xa9") in cuts
    assert chosen_cuts(b"abc", 16) == [1, 2]
    assert chosen_cuts(b"", 16) == []
    assert 4096 in chosen_cuts(b"x" * 5000, 16)


def test_a_trace_goes_on_from_the_middle_of_a_write() -> None:
    events = (
        Began(0, "add", {}),
        Stepped(Open(1, "a", create=True)),
        Stepped(Write(1, 0, b"hello", sync=True)),
        Stepped(Fsync(1)),
        Acknowledged(0),
    )
    trace = Trace((), events)
    states = list(kills(trace, epochs(trace), 16))
    cut = next(state for state in states if state.cut == 2)
    kept = until(trace, cut)
    assert kept == [*events[:2], Stepped(Write(1, 0, b"he"))]
    assert closings(kept) == [Stepped(Close(1))]
    assert closings([*events, Stepped(Close(1))]) == []
    # And with a new process on it, that is a trace whose files are those of the image.
    after = Trace((), (*kept, *closings(kept), Restarted()))
    last = epochs(after)[-1]
    assert [state.image for state in kills(after, [last], 16)] == [cut.image]
    done = next(state for state in states if state.epoch == 2)
    assert until(trace, done) == list(events)
