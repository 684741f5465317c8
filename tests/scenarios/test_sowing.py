"""Faults sown into source, and the gate that has to catch them."""

import ast
from pathlib import Path

import pytest

from tornwrite.model.results import SownKind
from tornwrite.scenarios.sowing import Sown, sow
from tornwrite.scenarios.sown_trials import try_sown
from tornwrite.scenarios.subject import WrongUse
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
        pass

subject = replace(right, open=Store, source=("user_store",), name="user_store:subject")
"""


@pytest.fixture
def user_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "user_store.py").write_text(SOURCE_OF_USER)
    monkeypatch.chdir(tmp_path)
    return "user_store:subject"


def test_a_needed_sync_is_caught_and_one_that_is_not_needed_is_not(user_store: str) -> None:
    rows = try_sown(user_store, 2, {}, wanted=lambda one: one.kind is SownKind.SYNC, lanes=())
    caught = {row.name.rpartition(": ")[2]: bool(row.caught) for row in rows}
    assert caught == {
        "os.fsync(file.fileno())": True,
        "self._sync()": True,
        "os.fsync(folder)": False,  # os.sync() follows
        "os.sync()": False,
    }


def test_a_fault_that_is_known_to_make_no_difference_says_why(user_store: str) -> None:
    (row,) = try_sown(
        user_store,
        1,
        {"user_store:Store._sync: a sync removed: os.sync()": "fsync did it"},
        wanted=lambda one: one.before == "os.sync()" and one.kind is SownKind.SYNC,
        lanes=(),
    )
    assert (row.caught, row.why) == ("", "fsync did it")


def test_the_real_module_is_as_it_was(user_store: str) -> None:
    before = Path("user_store.py").read_bytes()
    try_sown(user_store, 1, {}, wanted=lambda one: "fileno" in one.before, lanes=())
    assert Path("user_store.py").read_bytes() == before


def test_a_worker_that_fails_is_no_catch(user_store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tornwrite.scenarios.sown_trials._try", _broken)
    with pytest.raises(WorkerFailed):
        try_sown(user_store, 1, {}, wanted=lambda one: one.before == "os.sync()", lanes=())


def _broken(given: object, progress: object) -> None:
    raise RuntimeError("broken")


def test_a_store_that_does_not_pass_as_it_is_is_refused(user_store: str) -> None:
    """It tries no sync again and shows what it could not finish: the errors lane says so."""
    with pytest.raises(WrongUse, match="does not pass as it is"):
        try_sown(user_store, 2, {}, wanted=lambda one: False)
