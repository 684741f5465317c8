"""Faults sown into source, and the gate that has to catch them."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.command_group import REFERENCE_EDITIONS
from tornwrite.model.results import SownKind, SownRow
from tornwrite.scenarios import sown_file
from tornwrite.scenarios.sowing import Sown, sow
from tornwrite.scenarios.sown_explanations import SOWN
from tornwrite.scenarios.sown_file import SownFile
from tornwrite.scenarios.sown_runs import Run
from tornwrite.scenarios.sown_survivors import is_meant
from tornwrite.scenarios.sown_trials import _few_of_each_way, _in_turn, sown_faults, try_sown
from tornwrite.scenarios.subject import WrongUse, load_subject
from tornwrite.scenarios.workers import WorkerFailed

STORE = """
import os

class Store:
    def put(self, path, data):
        with self._lock:
            os.write(self._file, data)
            os.fsync(self._file)
        try:
            os.rename(path, path + ".new")
        except OSError:
            self.undo()
            raise
        if len(data) > 3:
            return data[self.skip:]
        self.count = self.count + 1
"""


def sown(kind: SownKind, source: str = STORE) -> list[Sown]:
    return [one for one in sow(source, "m") if one.kind is kind]


def test_every_sync_is_removed_once() -> None:
    (one,) = sown(SownKind.SYNC)
    assert (one.before, one.after) == ("os.fsync(self._file)", "pass")
    assert "fsync" not in ast.unparse(one.tree)


def test_two_neighbours_that_do_something_are_swapped() -> None:
    (one,) = sown(SownKind.SWAPPED)
    text = ast.unparse(one.tree)
    assert text.index("os.fsync") < text.index("os.write")


def test_what_the_next_statement_needs_is_not_swapped_with_it() -> None:
    source = "def f():\n    a = g()\n    h(a)\n"
    assert sown(SownKind.SWAPPED, source) == []


def test_errors_are_swallowed_where_they_come_up_and_where_they_are_handed_on() -> None:
    before = [one.before for one in sown(SownKind.SWALLOWED)]
    assert sorted(before) == [
        "os.fsync(self._file)",
        "os.rename(path, path + '.new')",
        "os.write(self._file, data)",
        "raise",
    ]


def test_a_lock_is_dropped_and_what_it_held_stays() -> None:
    (one,) = sown(SownKind.LOCK)
    text = ast.unparse(one.tree)
    assert "_lock" not in text
    assert "os.fsync" in text


def test_bounds_slices_and_sums_are_off_by_one() -> None:
    after = sorted(one.after for one in sown(SownKind.OFF_BY_ONE))
    assert after == [
        "if len(data) >= 3:",
        "return data[self.skip + 1:]",
        "self.count = self.count + 2",
    ]


def test_each_fault_changes_one_place_and_has_a_name_of_its_own() -> None:
    plain = ast.unparse(ast.parse(STORE))
    found = sow(STORE + STORE.replace("Store", "Other"), "m")
    assert len({one.name for one in found}) == len(found)
    for one in sow(STORE, "m"):
        assert ast.unparse(one.tree) != plain
        compile(one.tree, "m", "exec")


def test_the_lines_of_a_fault_are_those_of_what_is_changed() -> None:
    (lock,) = sown(SownKind.LOCK)
    (swapped,) = sown(SownKind.SWAPPED)
    assert (lock.line, lock.last_line) == (6, 6)  # not what the lock is held for
    assert (swapped.line, swapped.last_line) == (7, 8)


def test_a_name_stays_when_lines_move() -> None:
    moved = sow("\n\n# a comment\n" + STORE, "m")
    assert [one.name for one in moved] == [one.name for one in sow(STORE, "m")]


SOURCE_OF_USER = """
import os
from support.key_values import KeyValueModel, right
from dataclasses import replace

class Store:
    def __init__(self, root):
        self._root = root
        for name in os.listdir(root):
            if name.endswith(".tmp"):
                os.unlink(os.path.join(root, name))

    def apply(self, operation):
        if operation.name == "put":
            self._put(**operation.arguments)
        else:
            os.unlink(os.path.join(self._root, operation.arguments["key"]))
            self._sync()

    def _put(self, key, value):
        path = os.path.join(self._root, key)
        with open(path + ".tmp", "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + ".tmp", path)
        self._sync()

    def _sync(self):
        folder = os.open(self._root, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        os.sync()

    def observe(self, names):
        files = {}
        for name in os.listdir(self._root):
            with open(os.path.join(self._root, name)) as file:
                files[name] = file.read()
        return {"values": files}

    def settled(self, names):
        return {}

    def close(self):
        left = 2 - 1
        while left != 0:
            left = left - 1

    def never(self):
        return 1 + 1

subject = replace(right, open=Store, source=("user_store",), name="user_store:subject")
"""


def nobody_knows(name: str) -> str:
    return ""


@pytest.fixture
def user_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "user_store.py").write_text(SOURCE_OF_USER)
    monkeypatch.chdir(tmp_path)
    return "user_store:subject"


def test_a_needed_sync_is_caught_and_one_that_is_not_needed_is_not(user_store: str) -> None:
    rows = try_sown(
        [user_store], 2, nobody_knows, wanted=lambda one: one.kind is SownKind.SYNC, lanes=()
    )
    caught = {row.name.rpartition(": ")[2]: bool(row.caught) for row in rows}
    assert caught == {
        "os.fsync(file.fileno())": True,
        "self._sync()": True,
        "os.fsync(folder)": False,  # os.sync() follows
        "os.sync()": False,
    }


def test_a_fault_that_is_known_to_make_no_difference_says_why(user_store: str) -> None:
    (row,) = try_sown(
        [user_store],
        1,
        {"user_store:Store._sync: a sync removed: os.sync()": "fsync did it"}.__getitem__,
        wanted=lambda one: one.before == "os.sync()" and one.kind is SownKind.SYNC,
        lanes=(),
    )
    assert (row.caught, row.why) == ("", "fsync did it")


def test_the_real_module_is_as_it_was(user_store: str) -> None:
    before = Path("user_store.py").read_bytes()
    try_sown([user_store], 1, nobody_knows, wanted=lambda one: "fileno" in one.before, lanes=())
    assert Path("user_store.py").read_bytes() == before


def test_what_no_run_comes_by_is_missed(user_store: str) -> None:
    (row,) = try_sown(
        [user_store], 1, nobody_knows, wanted=lambda one: "never" in one.name, lanes=()
    )
    assert (row.caught, row.runs) == ("", 0)


def test_a_store_that_hangs_is_caught(user_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornwrite.scenarios.sown_trials.MORE_S", 0.5)
    (row,) = try_sown(
        [user_store], 1, nobody_knows, wanted=lambda one: "left - 2" in one.after, lanes=()
    )
    assert row.caught.endswith(": hangs")


def test_what_was_found_before_a_run_was_cut_off_is_not_tried_again(
    user_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> SownFile:
        return SownFile(str(tmp_path / "kept"), [load_subject(user_store)])

    class CutOff(Exception):
        pass

    def after_one(row: object) -> None:
        raise CutOff

    with pytest.raises(CutOff):
        _try_two(user_store, kept(), told=after_one)
    tried: list[str] = []
    rows = _try_two(user_store, kept(), told=lambda row: tried.append(row.name))
    assert len(rows) == len(tried) == 2
    monkeypatch.setattr("tornwrite.scenarios.sown_trials._try", _broken)
    assert _try_two(user_store, kept(), told=lambda row: None) == rows
    for more in (2, None):
        with pytest.raises(WorkerFailed):  # missed with one scenario, it may be caught with more
            _try_two(user_store, kept(), told=lambda row: None, most=more)


def _try_two(
    subject: str, kept: SownFile, told: Callable[[SownRow], None], most: int | None = 1
) -> list[SownRow]:
    def wanted(one: Sown) -> bool:
        return one.kind is SownKind.SYNC and one.before.startswith("os.") and "(f" in one.before

    return try_sown(
        [subject], 1, nobody_knows, wanted=wanted, lanes=(), most=most, told=told, kept=kept
    )


def test_another_file_is_not_taken_for_one_of_sown_faults(user_store: str) -> None:
    with pytest.raises(WrongUse, match="holds no sown faults"):
        SownFile(_other_file(), [load_subject(user_store)])


def _other_file() -> str:
    Path("other.jsonl").write_text('{"format": "notes"}\n')
    return "other.jsonl"


def test_every_reason_is_one_of_faults_that_there_are_each_named_alone_and_once() -> None:
    """So none explains what it was not written for, nor what has changed since."""
    subjects = [load_subject(name) for name in REFERENCE_EDITIONS]
    names = [one.name.removeprefix("tornwrite.reference.") for one in sown_faults(subjects)]
    meant = {
        pattern: [name for name in names if is_meant(pattern, name)]
        for _, patterns in SOWN
        for pattern in patterns
    }
    assert [(pattern, found) for pattern, found in meant.items() if len(found) != 1] == []
    assert len({found for (found,) in meant.values()}) == sum(len(each) for _, each in SOWN)


def test_a_test_that_a_reason_names_is_there() -> None:
    named = {file for why, _ in SOWN for file in re.findall(r"test_\w+\.py", why)}
    there = {path.name for path in Path(__file__).parents[1].rglob("test_*.py")}
    assert named
    assert named <= there


def test_a_reason_that_is_written_anew_lets_what_was_found_stand() -> None:
    """All that is left out of the digest only explains."""
    folder = Path(sown_file.__file__).parent
    left_out = {path.name for path in folder.rglob("*.py") if sown_file.only_explains(path)}
    reasons = {path.name for path in (folder / "sown_explanations").glob("*.py")}
    assert left_out == reasons | {"sown_survivors.py"}


def test_the_shortest_and_those_that_come_by_most_are_tried_by_turns() -> None:
    (fault,) = sown(SownKind.SYNC)

    def run(name: str, seconds: float, *lines: int) -> Run:
        return Run("subject", name, "errors", seconds, {"m": [6, *lines]})

    runs = [run("short", 1), run("middle", 2), run("rich", 3, 30, 31), run("long", 4, 30)]
    assert [one.scenario for one in _few_of_each_way(fault, runs, 2)] == ["short", "rich"]
    handler = run("handler", 9, 10, 11)
    assert _few_of_each_way(fault, [*runs, handler], 1) == [handler]


def test_what_the_likeliest_do_not_catch_all_the_others_are_tried_with() -> None:
    (fault,) = sown(SownKind.SYNC)
    runs = [Run("subject", f"{n}", "errors", n, {"m": [6, *range(30, n)]}) for n in range(30, 38)]
    tried = [run.scenario for run in _in_turn(fault, runs, None)]
    assert sorted(tried) == [run.scenario for run in runs]
    assert tried[:4] == [run.scenario for run in _few_of_each_way(fault, runs, 4)]
    assert _in_turn(fault, runs, 2) == _few_of_each_way(fault, runs, 2)


def test_a_worker_that_fails_is_no_catch(user_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornwrite.scenarios.sown_trials._try", _broken)
    with pytest.raises(WorkerFailed, match=r"broken|ended without a result"):
        try_sown(
            [user_store], 1, nobody_knows, wanted=lambda one: one.before == "os.sync()", lanes=()
        )


def _broken(given: object, progress: object) -> None:
    raise RuntimeError("broken")  # if a process of its own finds this module at all


def test_a_store_that_does_not_pass_as_it_is_is_refused(user_store: str) -> None:
    """It tries no sync again and shows what it could not finish: the errors lane says so."""
    with pytest.raises(WrongUse, match="does not pass as it is"):
        try_sown([user_store], 2, nobody_knows, wanted=lambda one: False)
