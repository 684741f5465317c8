"""Subjects out of a few lines: what follows from them, and what is said of wrong use."""

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from hypothesis import Phase, settings
from hypothesis import strategies as st

from support import small_stores as stores
from tornwrite.cli import main
from tornwrite.model.alphabets import Values, count, sequences
from tornwrite.model.hypothesis_profiles import QUICK
from tornwrite.model.judge import Assessed, Recovery, Seen, assess
from tornwrite.model.operation import REFUSED, Operation
from tornwrite.model.shapes import AppendLog, Document, KeyValue
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.built.building import python_subject
from tornwrite.scenarios.built.driver import StoreDriver
from tornwrite.scenarios.built.values import values_of
from tornwrite.scenarios.disks import filling
from tornwrite.scenarios.disks.filling import Attempt, Filled, Look
from tornwrite.scenarios.disks.judging import wrongs
from tornwrite.scenarios.exploring.explorer import Bounds, explore_one
from tornwrite.scenarios.exploring.sequences import alphabet_of
from tornwrite.scenarios.findings import _CALLERS
from tornwrite.scenarios.judging import Assessor
from tornwrite.scenarios.lane_registry import FAULT_LANES
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.soak import Length, run_round
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject

TEXT = st.text()
PUT: dict[str, Any] = {"put": {"key": TEXT, "value": TEXT}, "delete": {"key": TEXT}}


def a_map(**more: Any) -> Subject:
    return python_subject(**{"open": stores.Map, "model": KeyValue(), "operations": PUT, **more})


def check(subject: Subject, directory: Path) -> None:
    assert subject.check is not None
    subject.check(str(directory))


# What follows


def test_each_operation_has_a_scenario_and_they_meet_in_others() -> None:
    assert [one.name for one in a_map().scenarios] == [
        "put",
        "delete",
        "reopened",
        "delete-then-again",
        "mixed",
    ]
    assert all(len(one.operations) <= 12 for one in a_map().scenarios)


def test_no_two_writes_of_a_scenario_write_the_same() -> None:
    for scenario in a_map().scenarios:
        written = [
            one.arguments["value"] for one in scenario.operations if "value" in one.arguments
        ]
        assert len(written) == len(set(written))


def test_a_strategy_that_gives_long_values_gives_a_scenario_of_them() -> None:
    long = st.sampled_from(["x", "y" * 5000])
    subject = python_subject(stores.Page, Document(), {"save": {"content": long}})
    (operations,) = [one.operations for one in subject.scenarios if one.name == "save-long"]
    assert [len(one.arguments["content"]) for one in operations][:2] == [1, 5000]


def test_scenarios_of_ones_own_take_the_place_of_those() -> None:
    own = a_map().scenarios[:1]
    assert a_map(scenarios=own).scenarios == own


def test_it_is_the_same_subject_each_time() -> None:
    def said(subject: Subject) -> list[Any]:
        return [(one.name, list(map(str, one.operations))) for one in subject.scenarios]

    numbers = {"append": {"item": st.integers()}}
    assert said(a_map()) == said(a_map())
    one, other = (python_subject(stores.Log, AppendLog(), numbers) for _ in range(2))
    assert said(one) == said(other)


def test_values_are_those_of_the_strategies_and_can_be_told_apart() -> None:
    operations = {"append": {"item": st.text("ab", min_size=2, max_size=3)}}
    subject = python_subject(stores.Log, AppendLog(), operations)
    (argument,) = alphabet_of(subject).operations[0].arguments.values()
    assert isinstance(argument, Values)
    assert len(argument.values) > 4
    assert all(set(value) <= set("ab") and 2 <= len(value) <= 3 for value in argument.values)


@pytest.mark.parametrize(
    "strategy",
    [
        st.text("ab", max_size=4),
        st.text("a", min_size=1, max_size=3) | st.text("xyz", min_size=1, max_size=9),
        st.integers(),
        st.integers(0, 500),
        st.text(min_size=1, max_size=8),
    ],
    ids=["two letters", "one letter, or three", "numbers", "few numbers", "short text"],
)
def test_no_value_is_a_piece_of_another_one(strategy: Any) -> None:
    """Half of `aa` would look like `a`, which was there before."""
    texts = [str(value) for value in values_of(strategy, 12, "value of put")]
    assert len(texts) == 12
    assert not [(one, other) for one in texts for other in texts if one != other and one in other]


def test_where_there_are_no_such_values_others_are_taken() -> None:
    assert set(values_of(st.text("a", max_size=2), 3, "value")) == {"", "a", "aa"}
    assert set(values_of(st.sampled_from(["a", "b"]), 3, "value")) == {"a", "b"}


def test_in_sequences_keys_are_named_and_contents_numbered() -> None:
    alphabet = alphabet_of(a_map())
    found = [[str(one) for one in sequence] for sequence in sequences(alphabet, 2)]
    assert len(found) == count(alphabet, 2).distinct - count(alphabet, 1).distinct
    assert ["put(key='a', value='first')", "put(key='a', value='second')"] in found
    assert ["put(key='a', value='first')", "delete(key='b')"] in found
    assert not any("key='b'" in first for first, _ in found)


GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "subject.md"


def blocks() -> list[str]:
    """The code of the guide."""
    text = GUIDE.read_text(encoding="utf-8")
    return [part.partition("```")[0] for part in text.split("```python\n")[1:]]


def test_the_subject_of_the_guide_is_short_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, store, *_ = blocks()
    assert len(subject.splitlines()) < 25
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "notes.py").write_text(store)
    (tmp_path / "notes_subject.py").write_text(subject)
    loaded = load_subject(f"{tmp_path}/notes_subject.py:notes")
    assert len(loaded.scenarios) == 7
    first = replace(loaded, scenarios=loaded.scenarios[:1])
    assert stores.kinds(first) == {Kind.LOST, Kind.UNREADABLE}
    del sys.modules["notes"], sys.modules["notes_subject"]


def test_the_models_of_the_guide_are_there() -> None:
    shown = [block for block in blocks() if block.count("\n") == 1]
    assert len(shown) == 4
    for block in shown:
        assert eval(block, {"AppendLog": AppendLog, "KeyValue": KeyValue}).weakened


# What is run


EVERYTHING = Settings(
    stores.PLAIN.profiles, 2_000, 0, lanes=tuple(lane.name for lane in FAULT_LANES)
)


def test_every_lane_judges_it() -> None:
    subject = replace(a_map(not_undone=lambda error: True), scenarios=a_map().scenarios[:1])
    rows = stores.rows(subject, EVERYTHING)
    assert {row.verdict for row in rows} == {Verdict.PASSED}
    assert {"kill", "real kills", "kill, then power", "errors", "full disk"} <= {
        row.profile for row in rows
    }


def test_a_sequence_of_its_alphabet_is_judged(tmp_path: Path) -> None:
    (sequence, *_) = sequences(alphabet_of(a_map()), 2)
    bounds = Bounds(2, stores.PLAIN.profiles)
    assert explore_one(a_map(), sequence, bounds).findings == []
    wrong = python_subject(stores.InPlaceMap, KeyValue(), PUT)
    assert explore_one(replace(wrong, name="x:y"), sequence, bounds).findings


SUBJECT = """
from hypothesis import strategies as st
from support.small_stores import InPlaceMap, Map
from tornwrite import KeyValue, python_subject

KEYS = st.text("ab", min_size=1, max_size=2)
OPERATIONS = {"put": {"key": KEYS, "value": st.integers()}, "delete": {"key": KEYS}}
right = python_subject(Map, KeyValue(), OPERATIONS)
wrong = python_subject(InPlaceMap, KeyValue(), OPERATIONS)
"""


@pytest.fixture
def subject_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with subjects, in a directory of its own with a name of its own."""
    monkeypatch.syspath_prepend(tmp_path)
    file = Path(tempfile.mkdtemp(dir=tmp_path)) / f"subjects_{os.getpid()}_{tmp_path.name}.py"
    file.write_text(SUBJECT)
    return file


def test_random_workloads_run_on_it(subject_file: Path, tmp_path: Path) -> None:
    few = settings(QUICK, max_examples=12, stateful_step_count=6, phases=[Phase.generate])
    length = Length(few, 20)
    right = load_subject(f"{subject_file}:right")
    done = run_round(right, 1, length, str(tmp_path / "examples"))
    assert not done.failures
    assert done.crashes
    wrong = load_subject(f"{subject_file}:wrong")
    (failure, *_) = run_round(wrong, 1, length, str(tmp_path / "examples")).failures
    assert "unreadable" in failure
    assert f"'{subject_file}:wrong'" in failure


def test_a_file_is_as_good_a_name_as_a_module(subject_file: Path) -> None:
    found = load_subject(f"{os.path.relpath(subject_file)}:right")
    assert found.about == "One file of JSON, replaced as a whole"
    assert found.name == f"{os.path.relpath(subject_file)}:right"


def test_the_gate_takes_a_file_and_gives_commands_that_show_it_again(subject_file: Path) -> None:
    def tornwrite(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "tornwrite", *words],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=subject_file.parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "200"},
        )

    name = f"{subject_file.name}:wrong"
    found = tornwrite("gate", name, "--scenario", "put", "--effort", "quick", "--jobs", "1")
    assert found.returncode == 1, found.stdout + found.stderr
    replay = found.stdout.partition("replay: ")[2].partition("\n")[0]
    assert replay.startswith(f"tornwrite replay {name} --scenario put")
    again = tornwrite(*replay.split()[1:])
    assert again.returncode == 1, again.stdout + again.stderr


# What a store is asked and answers


def driver(subject: Subject, path: Path) -> Any:
    return subject.open(str(path))


def test_methods_are_called_with_arguments_by_name(tmp_path: Path) -> None:
    opened = driver(a_map(), tmp_path)
    assert opened.apply(Operation("put", {"key": "a", "value": [1, {"b": 2}]})) is None
    assert opened.observe(()) == {"content": {"a": [1, {"b": 2}]}}
    opened.close()


class Strict(stores.Map):
    """Raises when it is asked to delete what is not there."""

    def delete(self, key: str) -> None:
        if key not in self.values:
            raise KeyError(key)
        super().delete(key)


def test_source_lines_are_those_of_the_store() -> None:
    wrong = python_subject(stores.InPlaceMap, KeyValue(), PUT)
    sites = [site for one in stores.findings(wrong) for step in one.steps for site in step.sites]
    assert sites
    assert all("small_stores.py:" in site for site in sites)


def test_the_drivers_calls_are_known_by_their_names() -> None:
    assert StoreDriver.apply.__qualname__ in _CALLERS
    assert a_map().open.__qualname__ in _CALLERS
    assert filling._Run._perform.__qualname__ in _CALLERS


class Tempfile(stores.Page):
    """Writes beside, to a file of a name that `tempfile` draws by lot."""

    def save(self, content: str) -> None:
        folder = os.path.dirname(self.path)
        opened, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(opened, "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, self.path)
        stores.sync_folder(folder)


KILLS = replace(stores.PLAIN, real_kills=True)


def test_names_of_tempfile_are_the_same_each_time() -> None:
    subject = python_subject(Tempfile, Document(), {"save": {"content": TEXT}})
    assert stores.findings(subject, KILLS) == []
    names = tempfile._get_candidate_names()  # type: ignore[attr-defined]
    assert not next(names).startswith("steady")


def test_a_store_that_draws_lots_is_told_so_once() -> None:
    class Lots(stores.Page):
        def save(self, content: str) -> None:
            super().save(content)
            with open(f"{self.path}.{random.random()}", "w") as file:
                file.write("")

    subject = python_subject(Lots, Document(), {"save": {"content": TEXT}})
    (first, *_) = stores.outcomes(subject, KILLS)
    assert len(first.notes) == 1
    assert "does not do the same each time: step 6 was open page.0." in first.notes[0]


def test_that_there_is_nothing_to_do_is_no_failure(tmp_path: Path) -> None:
    opened = driver(a_map(open=Strict), tmp_path)
    assert opened.apply(Operation("delete", {"key": "a"})) == REFUSED
    with pytest.raises(KeyError):
        driver(a_map(open=Strict, refusals=()), tmp_path).apply(Operation("delete", {"key": "a"}))


def test_what_was_refused_need_not_be_durable() -> None:
    assert stores.findings(a_map(open=Strict), replace(stores.PLAIN, kill_then_power=True)) == []


class Sloppy(stores.Map):
    """Refuses to delete what is there."""

    def delete(self, key: str) -> None:
        self.values.pop(key, None)
        raise KeyError(key)


def test_a_refusal_that_changes_something_is_caught() -> None:
    assert Kind.LOST in stores.kinds(a_map(open=Sloppy))


class Tuples(stores.Map):
    """Shows tuples, and keys that are numbers."""

    def observe(self) -> dict[Any, Any]:
        return {1: ("a", "b")}


def test_what_is_shown_is_taken_as_json_would_have_it(tmp_path: Path) -> None:
    assert driver(a_map(open=Tuples), tmp_path).observe(()) == {"content": {"1": ["a", "b"]}}


# Wrong use


class Unreadable(stores.Map):
    """Shows what is no plain data."""

    def observe(self) -> dict[str, Any]:
        return {"a": b"bytes"}


class AsList(stores.Map):
    """Shows a list."""

    def observe(self) -> Any:
        return []


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (Unreadable, r"observe\(\)\['a'\] is b'bytes', a bytes, which is no plain data"),
        (AsList, r"observe\(\) gives \[\]; a KeyValue shows a dict"),
    ],
)
def test_a_first_look_that_does_not_fit_the_model_is_wrong_use(
    store: Callable[[str], Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongUse, match=said):
        driver(a_map(open=store), tmp_path).observe(())
    with pytest.raises(WrongUse, match=said):
        check(a_map(open=store), tmp_path)


def test_a_look_that_does_not_fit_what_was_there_before_is_what_the_store_came_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "map.json").write_text("[]")
    with pytest.raises(ValueError, match="a KeyValue shows a dict"):
        driver(a_map(open=AsList), tmp_path).observe(())


def test_a_later_look_that_does_not_fit_is_what_the_store_came_to(tmp_path: Path) -> None:
    class Later(stores.Map):
        def observe(self) -> Any:
            return "torn" if self.values else {}

    opened = driver(a_map(open=Later), tmp_path)
    assert opened.observe(()) == {"content": {}}
    opened.apply(Operation("put", {"key": "a", "value": "1"}))
    with pytest.raises(ValueError, match=r"observe\(\) gives 'torn'; a KeyValue shows a dict"):
        opened.observe(())


class NoDelete:
    """Has no method to delete."""

    def __init__(self, directory: str) -> None:
        pass

    def put(self, key: str, value: str) -> None:
        pass

    def observe(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass


class OtherNames(NoDelete):
    """Calls its arguments otherwise."""

    def put(self, name: str, text: str) -> None:  # type: ignore[override]
        pass

    def delete(self, key: str) -> None:
        pass


@pytest.mark.parametrize(
    ("store", "said"),
    [
        (NoDelete, r"which has no method delete\(\); it needs put\(\), delete\(\), observe\(\)"),
        (OtherNames, r"OtherNames.put cannot be called as put\(key=…, value=…\)"),
    ],
)
def test_an_operation_that_is_no_method_is_wrong_use(
    store: Callable[[str], Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongUse, match=said):
        driver(a_map(open=store), tmp_path)
    with pytest.raises(WrongUse, match=said):
        check(a_map(open=store), tmp_path)


@pytest.mark.parametrize("store", [NoDelete, AsList])
def test_a_run_says_so_instead_of_blaming_the_store(store: Callable[[str], Any]) -> None:
    with pytest.raises(WrongUse):
        stores.outcomes(a_map(open=store))


def test_what_a_store_does_wrong_itself_is_no_wrong_use(tmp_path: Path) -> None:
    class Broken(stores.Map):
        def observe(self) -> Any:
            raise OSError("no")

    check(a_map(open=Broken), tmp_path)


NO_DELETE = """
from hypothesis import strategies as st
from tornwrite import KeyValue, python_subject

class Notes:
    def __init__(self, directory): pass
    def put(self, key, value): pass
    def observe(self): return {}
    def close(self): pass

TEXT = st.sampled_from(["a", "b", "c"])
notes = python_subject(
    Notes, KeyValue(), {"put": {"key": TEXT, "value": TEXT}, "delete": {"key": TEXT}}
)
"""


@pytest.mark.parametrize(
    "command", [("gate", "--recorder", "strace"), ("gate",), ("explore",), ("soak",)]
)
def test_every_command_says_so_once_before_anything_runs(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / f"no_delete_{len(command)}_{command[0]}.py"
    file.write_text(NO_DELETE)
    told = CliRunner().invoke(main, [*command, f"{file}:notes"])
    assert told.exit_code == 2
    assert told.stdout == ""
    assert told.stderr.count("open() gives a Notes, which has no method delete()") == 1
    assert "broken" not in told.stderr


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ({}, "a subject needs operations"),
        ({"put": {"key": TEXT, "value": TEXT}}, "there are no strategies for it"),
        ({**PUT, "touch": {}}, "KeyValue knows no operation 'touch', only put, delete"),
        ({**PUT, "put": {"k": TEXT, "v": TEXT}}, "put of KeyValue has the arguments key and value"),
        ({**PUT, "delete": {}}, "delete of KeyValue has the argument key, and there are .* none"),
        ({**PUT, "delete": TEXT}, "has to have a dict of strategies"),
        ({**PUT, "delete": {"key": "a"}}, "key of delete has to be a Hypothesis strategy"),
        ({**PUT, "delete": {"key": st.nothing()}}, "gives no value that JSON can hold"),
        ({**PUT, "delete": {"key": st.binary()}}, "such as b''"),
        ({"open": {}}, "an operation cannot be called 'open'"),
        ({"teardown": {}}, "an operation cannot be called 'teardown'"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_sentence(operations: Any, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        a_map(operations=operations)


def test_names_of_ones_own_are_told_to_the_model() -> None:
    class Own(stores.Page):
        def write(self, text: str) -> None:
            super().save(text)

    subject = python_subject(Own, Document(save="write", content="text"), {"write": {"text": TEXT}})
    assert stores.findings(subject) == []


class Grumbling(stores.Map):
    """Fails to close once it holds something."""

    def close(self) -> None:
        if self.values:
            raise RuntimeError("not so fast")


class Limping(stores.Map):
    """Fails to close when it has found what a crash left behind."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.limps = os.path.exists(self.path + ".new")

    def close(self) -> None:
        if self.limps:
            raise RuntimeError("not after that")


def test_a_store_that_cannot_be_closed_after_a_crash_is_a_finding() -> None:
    (first, *_) = stores.findings(a_map(open=Limping))
    assert first.violation.recovered == "closing fails: RuntimeError: not after that"
    assert first.violation.promise.name == "readable"


def test_a_store_that_cannot_be_closed_is_a_finding() -> None:
    recovered = {one.violation.recovered for one in stores.findings(a_map(open=Grumbling))}
    assert any("closing fails: RuntimeError: not so fast" in said for said in recovered)


# Weaker promises, where no history follows the run


@pytest.mark.parametrize(("buffered", "kinds"), [(True, set()), (False, {Kind.LOST})])
def test_on_a_full_disk_a_kill_takes_what_only_a_buffered_store_kept_to_itself(
    buffered: bool, kinds: set[Kind]
) -> None:
    model = AppendLog(durable_after="sync", buffered=buffered)
    operations = {"append": {"item": TEXT}, "sync": {}}
    subject = python_subject(stores.WaitingLog, model, operations)
    append = Operation("append", {"item": "a"})
    look = Look(0, Seen({"content": ["a"]}), ())
    filled = Filled([Attempt(0, append, None, False, False, look)])
    nothing = assess(subject.model, Recovery(Seen({"content": []})))

    def assessor(image: object) -> Assessed:
        return nothing

    found = wrongs(subject, subject.scenarios[0], filled, cast(Assessor, assessor))
    assert {one.violation.kind for one in found} == kinds
