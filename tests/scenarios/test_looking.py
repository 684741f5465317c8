"""How the harness looks past a store: at its files, whatever they are, and at what it reports."""

import os
from dataclasses import dataclass
from pathlib import Path

from tornwrite.faults.read_errors import BadFiles, ReadFails
from tornwrite.faults.recorder import Recorder
from tornwrite.reference import JSONLStore
from tornwrite.reference.archive import ArchivingStore
from tornwrite.scenarios import stores
from tornwrite.scenarios.damage.recovery import Reports
from tornwrite.scenarios.looking import damage_told, regular_files


def test_only_files_are_read_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")
    assert list(regular_files(str(tmp_path))) == [("a", b"one"), ("b", b"two")]


def test_injected_errors_do_not_keep_the_harness_from_looking(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    root = str(tmp_path)
    with BadFiles(root, ["a"], ReadFails.READ) as bad, Recorder(root, read_errors=bad):
        assert dict(regular_files(root)) == {"a": b"one"}


@dataclass
class State:
    damage: tuple[str, ...]


def test_a_report_is_what_inspecting_tells_or_raises() -> None:
    def inspect(name: str) -> State:
        if name == "none":
            raise LookupError(name)
        if name == "bad":
            raise OSError("no such luck")
        return State(("line 1",) if name == "torn" else ())

    told = damage_told(inspect, ["torn", "sound", "bad", "none"], not_found=LookupError)
    assert told["sessions"] == {
        "torn": ["line 1"],
        "sound": [],
        "bad": ["OSError: no such luck"],
        "none": [],
    }
    assert damage_told(None, ["a"], of_all=[1]) == {"sessions": {}, "store": ["1"]}


def test_every_driver_of_ours_reports(tmp_path: Path) -> None:
    for number, subject in enumerate(
        (stores.reference, stores.archive, stores.transcripts, stores.manager, stores.backend)
    ):
        root = tmp_path / str(number)
        root.mkdir()
        driver = subject.open(str(root))
        assert isinstance(driver, Reports)
        assert set(driver.reported(["a"])) == {"sessions", "store"}
        driver.close()


def test_a_torn_line_is_reported_of_its_session(tmp_path: Path) -> None:
    with JSONLStore(tmp_path / "jsonl") as store:
        store.add_message("a", "user", "hello")
    with ArchivingStore(tmp_path / "archive") as archive:
        archive.save("a", {"role": "user", "content": "hello"})
    for subject in (stores.reference, stores.archive, stores.backend):
        name = "archive" if subject is stores.archive else "jsonl"
        file = tmp_path / name / "a.jsonl"
        data = file.read_bytes()
        file.write_bytes(b"torn\n" + data.partition(b"\n")[2])
        driver = subject.open(os.fspath(tmp_path / name))
        assert isinstance(driver, Reports)
        assert driver.reported(["a"])["sessions"]["a"]
        driver.close()
