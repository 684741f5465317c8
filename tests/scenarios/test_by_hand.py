"""Recordings made by hand: what is recorded, what is looked at, and what is said when it is not."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support import outside
from tornwrite.faults.profiles import EXT4, FAT, KILL, POSIX, XFS
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.scratch import VARIABLE, Workspace
from tornwrite.faults.strace import StraceTimeoutError, probe_strace
from tornwrite.faults.trace import Trace
from tornwrite.scenarios import chosen_cuts
from tornwrite.scenarios.by_hand import choices as by_hand_choices
from tornwrite.scenarios.by_hand import run as by_hand_run
from tornwrite.scenarios.by_hand.choices import GLANCE
from tornwrite.scenarios.by_hand.recordings import (
    Choices,
    HarnessBroken,
    NotMeasured,
    ProgramFailed,
    Recordings,
    Run,
    WrongUse,
)
from tornwrite.scenarios.recording import check_whole

needs_strace = pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, in memory where there is some."""
    with Workspace() as workspace:
        monkeypatch.setenv(VARIABLE, workspace.path)
        yield Path(workspace.path)


def save(path: Path, items: list[int]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(items, file)


def test_it_is_one_of_the_public_names() -> None:
    import tornwrite

    assert tornwrite.Recordings is Recordings


# What is looked at


def test_every_crash_state_comes_once_and_the_strongest_profile_names_it() -> None:
    with Recordings() as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "a", [1])
        found = [(crash.files(), crash.finished, crash.profile) for crash in run.crash_states()]
    assert found == [
        ({}, False, "kill"),
        ({"a": b""}, False, "kill"),
        ({"a": b"["}, False, "kill"),
        ({"a": b"[1"}, False, "kill"),
        ({"a": b"[1]"}, False, "kill"),
        ({"a": b"[1]"}, True, "kill"),
        ({"a": b""}, True, "ext4"),
        ({}, True, "ext4"),
        ({"a": b"\0\0\0"}, False, "ext4-writeback"),
        ({"a": b"\0\0\0"}, True, "ext4-writeback"),
    ]


def test_each_crash_has_a_directory_of_its_own_that_recovery_may_write_to(scratch: Path) -> None:
    with Recordings() as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "a", [1])
        seen: set[Path] = set()
        for crash in run.crash_states():
            assert crash.path not in seen
            seen.add(crash.path)
            found = {one.name: one.read_bytes() for one in crash.path.iterdir()}
            assert found == crash.files()
            assert len(list(crash.path.parent.glob("crash-*"))) == 1
            (crash.path / "recovered").mkdir()
            (crash.path / "recovered" / "more").write_text("more")
            (crash.path / "recovered").chmod(0)
        assert run.path.joinpath("a").read_text() == "[1]"
    assert os.listdir(scratch) == []


def test_acknowledged_operations_are_told_apart_from_the_one_in_flight() -> None:
    with Recordings() as tornwrite:
        with tornwrite.record() as run:
            with run.operation("first"):
                save(run.path / "a", [1])
            with run.operation("second"):
                save(run.path / "b", [2])
            run.acknowledged("both")
            with contextlib.suppress(FileNotFoundError), run.operation("third"):
                (run.path / "c").touch()
                (run.path / "none").unlink()
        seen = {
            (crash.acknowledged, crash.in_flight, crash.finished)
            for crash in run.crash_states("kill")
        }
        for crash in run.crash_states("kill"):
            for name, file in (("first", "a"), ("second", "b")):
                assert crash.files().get(file) is not None or name not in crash.acknowledged
    assert seen == {
        ((), None, False),
        ((), "first", False),
        (("first",), None, False),
        (("first",), "second", False),
        (("first", "second"), None, False),
        (("first", "second", "both"), None, False),
        (("first", "second", "both"), "third", False),
        (("first", "second", "both"), None, True),
    }


def test_threads_have_operations_of_their_own() -> None:
    with Recordings() as tornwrite:
        with tornwrite.record() as run:

            def work(number: int) -> None:
                with run.operation(f"{number}"):
                    save(run.path / f"{number}", [number])

            threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for crash in run.crash_states("kill"):
            for name in crash.acknowledged:
                assert crash.files()[name] == f"[{name}]".encode()


def test_what_is_in_a_given_directory_is_on_the_disk(tmp_path: Path) -> None:
    place = tmp_path / "mine"
    (place / "folder").mkdir(parents=True)
    (place / "old").write_text("old")
    (place / "inside").symlink_to(place / "old")
    (place / "outside").symlink_to("/etc")
    with Recordings() as tornwrite:
        with tornwrite.record(place) as run:
            assert run.path == place
            (run.path / "folder" / "new").write_text("new")
        for crash in run.crash_states():
            assert (crash.path / "inside").read_text() == "old"
            assert os.readlink(crash.path / "inside") == f"{crash.path}/old"
            assert os.readlink(crash.path / "outside") == "/etc"
    assert (place / "folder" / "new").read_text() == "new"


def test_code_that_knows_nothing_of_it_is_recorded() -> None:
    with Recordings() as tornwrite:
        with tornwrite.record() as run:
            with tempfile.NamedTemporaryFile("w", dir=run.path, delete=False) as file:
                json.dump({"a": 1}, file)
            os.replace(file.name, run.path / "a")
            shutil.copytree(run.path, run.path / "copy")
            shutil.rmtree(run.path / "copy")
            (run.path / "b").write_bytes(b"b")
        assert any("rename" in step for step in run.steps)
        assert "test_by_hand.py" in str(run)
        list(run.crash_states("ext4"))


def test_profiles_are_given_by_name_or_made_by_hand() -> None:
    with Recordings(Choices(profiles=(KILL,))) as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "a", [1])
        assert {crash.profile for crash in run.crash_states()} == {"kill"}
        assert {crash.profile for crash in run.crash_states("posix, ext4")} == {"ext4", "posix"}
        assert {crash.profile for crash in run.crash_states(POSIX, KILL)} == {"kill", "posix"}
        mine = replace(EXT4, name="mine", sector=1024)
        assert [one.name for one in Choices().under([POSIX, mine, "kill"]).profiles] == [
            "kill", "mine", "posix"
        ]  # fmt: skip
        other = replace(EXT4, sector=1024)
        assert Choices().under([other, "xfs"]).profiles == (other, XFS)
        with pytest.raises(WrongUse, match="no profile 'nope'; there are kill"):
            run.crash_states("nope")


def test_a_long_write_is_cut_at_chosen_bytes_unless_every_byte_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chosen_cuts, "LONGEST", 600)
    with Recordings(Choices(profiles=(KILL,))) as tornwrite:
        with tornwrite.record() as run:
            (run.path / "a").write_bytes(b"x" * 601)
        few = len(list(run.crash_states()))
        assert tornwrite.looked()["chosen_cuts"] == 601 - 1 - (few - 4)
        assert few < 20
        assert len(list(run.crash_states(every_byte=True))) == 601 + 3


def test_a_recovery_is_recorded_in_the_loop_and_its_crashes_are_looked_at() -> None:
    wanted, said = "", ""
    with Recordings(Choices(profiles=(KILL, EXT4))) as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "a", [1])
        for crash in run.crash_states():
            with tornwrite.record(crash.path) as recovery:
                save(recovery.path / "b", [2])
            for second in recovery.crash_states():
                assert crash.files().items() <= second.files().items()
                if crash.files().get("a") == b"" and second.profile == "ext4":
                    wanted, said = second.id, second.explain()
    assert "that was in the look at:" in said
    seen = []
    with Recordings(Choices(profiles=(KILL, EXT4), replay=wanted)) as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "a", [1])
        for crash in run.crash_states():
            with tornwrite.record(crash.path) as recovery:
                save(recovery.path / "b", [2])
            seen += [second.id for second in recovery.crash_states()]
    assert seen == [wanted]


def test_of_two_recordings_a_replay_is_of_the_one_it_names() -> None:
    def ids(choices: Choices) -> list[str]:
        found = []
        with Recordings(choices) as tornwrite:
            for name in ("a", "b"):
                with tornwrite.record() as run:
                    save(run.path / name, [1])
                found += [crash.id for crash in run.crash_states(POSIX)]
        return found

    every = ids(Choices())
    assert len(set(every)) == len(every) > 8
    for one in every:
        assert ids(Choices(replay=one)) == [one]
    with pytest.raises(NotMeasured, match=r"cannot replay: .* another recording"):
        ids(Choices(replay=every[0][:-1] + "x"))
    with pytest.raises(NotMeasured, match=r"there is no crash state .*#3 here"):
        ids(Choices(replay=every[0] + "#3"))


# What is said


def lost(tornwrite: Recordings) -> None:
    with tornwrite.record() as run, run.operation("saving"):
        save(run.path / "a", [1])
    for crash in run.crash_states(FAT, POSIX):
        assert not crash.finished or crash.files() != {}


def test_an_exception_gets_a_note_that_tells_where_the_crash_was() -> None:
    with pytest.raises(AssertionError) as caught, Recordings() as tornwrite:
        lost(tornwrite)
    (note,) = caught.value.__notes__
    lines = note.splitlines()
    assert lines[0] == "a crash under posix (only what the standard promises)"
    assert lines[1] == "after step 2 of 3, close a"
    assert "test_by_hand.py" in lines[2]
    assert "in save" in lines[2]
    assert lines[3] == "acknowledged: saving; the recording was over"
    assert "   0 ✗ open a (create, truncate)" in lines[5]
    assert "what the crash left: nothing" in lines
    assert lines[-1].startswith("crash state posix:")


def test_a_body_that_raises_ends_the_recording_which_can_be_looked_at() -> None:
    with Recordings() as tornwrite:
        run = tornwrite.record()
        with contextlib.suppress(FileNotFoundError), run:
            save(run.path / "a", [1])
            (run.path / "none").unlink()
        with pytest.raises(WrongUse, match="named while they are recorded"):
            run.acknowledged("late")
        assert all(not crash.finished for crash in run.crash_states())


def broken(how: str) -> None:
    with Recordings() as tornwrite:
        if how == "no with":
            tornwrite.record()
            return
        with tornwrite.record() as run:
            if how == "inside":
                run.crash_states()
            elif how == "twice":
                run.__enter__()
            elif how != "nothing":
                save(run.path / "a", [1])
        if how == "never":
            return
        looks = run.crash_states()
        if how == "break":
            for _ in looks:
                break
        if how == "again":
            list(looks)
            list(looks)
        if how == "gone":
            (first, *_) = list(looks)
            _ = first.path


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("no with", NotMeasured, "nothing was recorded at .*test_by_hand.py:"),
        ("nothing", NotMeasured, "nothing was written below"),
        ("inside", WrongUse, "is not over: its crash states are looked at after"),
        ("twice", WrongUse, "a recording is made once"),
        ("never", NotMeasured, "no crash state of the recording at .* was looked at"),
        ("no loop", NotMeasured, "was left after 0 of them"),
        ("break", NotMeasured, "was left after 1 of them; go through all"),
        ("again", WrongUse, "call crash_states\\(\\) again"),
        ("gone", WrongUse, "the directory of this crash is gone"),
    ],
)
def test_what_is_not_measured_does_not_pass(
    how: str, error: type[Exception], said: str, scratch: Path
) -> None:
    with pytest.raises(error, match=said):
        broken(how)
    assert os.listdir(scratch) == []


def test_a_budget_that_does_not_do_is_told_and_a_sample_is_accepted() -> None:
    for sample in (False, True):
        tornwrite = Recordings(Choices(profiles=(POSIX,), budget=40, sample=sample))
        with tornwrite.record() as run:
            for number in range(4):
                save(run.path / f"{number}", [1])
        assert 30 < len(list(run.crash_states())) <= 40
        if sample:
            tornwrite.check()
            (said,) = tornwrite.looked()["left_out"]
            assert said.endswith("under posix (budget of 40 images reached)")
        else:
            with pytest.raises(NotMeasured, match=r"raise the budget .*now 40.*sample=True"):
                tornwrite.check()
        tornwrite.close()


@pytest.mark.parametrize(("sample", "seen"), [(False, GLANCE), (True, 3 * GLANCE)])
def test_of_too_many_only_some_are_looked_at_unless_a_sample_will_do(
    sample: bool, seen: int
) -> None:
    tornwrite = Recordings(Choices(profiles=(POSIX,), budget=3 * GLANCE, sample=sample))
    with tornwrite.record() as run:
        for number in range(8):
            (run.path / f"{number}").write_bytes(b"x")
    assert seen - 5 < len(list(run.crash_states())) <= seen
    (said,) = tornwrite.looked()["left_out"]
    tornwrite.close()
    assert said.startswith(f"{GLANCE:,} of at least 6,561 crash states") is not sample


def test_contents_too_large_to_be_worked_out_are_told_at_once() -> None:
    tornwrite = Recordings(Choices(profiles=(KILL, EXT4, POSIX)))
    with tornwrite.record() as run:
        (run.path / "a").write_bytes(bytes(2_000_000))
    assert {crash.profile for crash in run.crash_states()} == {"kill"}
    with pytest.raises(NotMeasured, match=r"under ext4, posix \(a file had 2,000,000 B on .*less"):
        tornwrite.check()
    tornwrite.close()


def test_what_is_synced_is_not_on_its_way_any_more() -> None:
    chunk = bytes(300_000)
    with Recordings(Choices(profiles=(EXT4,))) as tornwrite:
        with tornwrite.record() as run:
            with open(run.path / "a", "wb", buffering=0) as file:
                for _ in range(3):
                    file.write(chunk)
                    os.fsync(file.fileno())
            synced = os.open(run.path / "b", os.O_CREAT | os.O_WRONLY | os.O_SYNC)
            os.write(synced, chunk)
            os.write(synced, chunk)
            os.close(synced)
        look = run.crash_states(sample=True)
        next(iter(look))
        assert by_hand_choices.most_pending(look.recorded.trace) == len(chunk)


def test_a_directory_that_is_none_is_told(tmp_path: Path) -> None:
    with Recordings() as tornwrite, pytest.raises(WrongUse, match="it is no directory"):
        tornwrite.record(tmp_path / "none")


# What the recorder of this process cannot see


def recorded(tornwrite: Recordings, body: Callable[[Path], object]) -> Run:
    run = tornwrite.record()
    with run:
        body(run.path)
    return run


def by_another_process(path: Path) -> None:
    program = f"open({str(path / 'a')!r}, 'w').write('x')"
    subprocess.run([sys.executable, "-c", program], check=True)


def by_a_c_extension(path: Path) -> None:
    import sqlite3

    sqlite3.connect(path / "db").close()


def test_another_process_that_writes_is_noticed() -> None:
    with Recordings() as tornwrite:
        with pytest.raises(HarnessBroken, match=r"behind the recorder's back.*tornwrite\.run\("):
            recorded(tornwrite, by_another_process)
        with pytest.raises(HarnessBroken, match="behind the recorder's back"):
            tornwrite.runs[0].crash_states()


def test_a_thread_that_goes_on_writing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    over, end, gone = threading.Event(), threading.Event(), threading.Event()

    def work(path: Path) -> None:
        over.wait()
        (path / "late").touch()
        end.set()
        gone.wait()

    def check(trace: Trace, root: str) -> None:
        over.set()  # the recorder has let go by now
        end.wait()
        check_whole(trace, root)

    def body(path: Path) -> None:
        (path / "a").touch()
        threading.Thread(target=work, args=(path,), name="background").start()

    monkeypatch.setattr(by_hand_run, "check_whole", check)
    said = r"late is there and should not be.*still ran when it ended \(background\)"
    with Recordings() as tornwrite, pytest.raises(HarnessBroken, match=said):
        recorded(tornwrite, body)
    gone.set()


def test_a_c_extension_that_writes_is_noticed() -> None:
    said = r"sqlite3\.connect on db .*tornwrite\.run\("
    with Recordings() as tornwrite, pytest.raises(RecorderBlind, match=said):
        recorded(tornwrite, by_a_c_extension)


def test_what_has_no_step_is_named_with_what_to_do() -> None:
    with Recordings() as tornwrite, pytest.raises(UnknownStep) as caught:
        recorded(tornwrite, lambda path: os.mkfifo(path / "pipe"))
    assert any("tornwrite.run(function)" in note for note in caught.value.__notes__)


# Programs


@needs_strace
def test_a_function_that_writes_through_a_c_extension_is_recorded_from_outside(
    tmp_path: Path,
) -> None:
    outside.insert(tmp_path, 1)
    with Recordings() as tornwrite:
        run = tornwrite.run(outside.insert, 2, directory=tmp_path)
        for crash in run.crash_states("kill"):
            assert outside.rows(crash.path) in ([[1, 2]] if crash.finished else [[1], [1, 2]])
            assert (crash.acknowledged, crash.in_flight) == ((), None)
        assert any("sync" in step for step in run.steps)


@needs_strace
def test_children_of_a_program_are_recorded_too() -> None:
    with Recordings() as tornwrite:
        run = tornwrite.run(outside.in_a_child)
        assert {"a": b"[1]"} in [crash.files() for crash in run.crash_states("kill")]


@needs_strace
def test_a_program_is_told_the_directory_in_an_argument() -> None:
    with Recordings() as tornwrite:
        run = tornwrite.run(["sh", "-c", "echo hello > {path}/a"])
        left = [(crash.files(), crash.finished) for crash in run.crash_states("kill")]
    assert left[0] == ({}, False)
    assert left[-1] == ({"a": b"hello\n"}, True)


@needs_strace
def test_a_program_that_does_not_end_well_is_an_error_with_its_last_words() -> None:
    with Recordings() as tornwrite:
        with pytest.raises(ProgramFailed, match=r"(?s)fail ended with status 1.*LookupError"):
            tornwrite.run(outside.fail)
        with pytest.raises(ProgramFailed, match="sh ended with status 3:\nno more"):
            tornwrite.run(["sh", "-c", "touch {path}/a; echo no more >&2; exit 3"])
        with pytest.raises(StraceTimeoutError, match=r"did not end within 0\.5 s"):
            tornwrite.run(["sh", "-c", "touch {path}/a; sleep 60"], timeout_s=0.5)
        with pytest.raises(NotMeasured, match="nothing was written below"):
            tornwrite.run(["sh", "-c", ": {path}"])


@pytest.mark.parametrize(
    ("target", "arguments", "said"),
    [
        ("./save {path}", (), "as one list"),
        (["./save", "{path}"], ("more",), "as one list"),
        (["./save"], (), "no argument of ./save says {path}"),
        (lambda path: None, (), "a function at the top of a module"),
        (Recordings.check, (), "a function at the top of a module"),
        (outside.insert, (lambda: 3,), "pickle does not take its arguments"),
    ],
)
def test_what_cannot_be_run_is_told(target: object, arguments: object, said: str) -> None:
    with Recordings() as tornwrite, pytest.raises(WrongUse, match=said):
        tornwrite.run(target, *arguments)  # type: ignore[arg-type,misc]


def test_a_thread_that_outlives_the_recording_is_an_error() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="flusher")

    def record() -> None:
        with Recordings() as tornwrite, tornwrite.record() as run:
            thread.start()
            (run.path / "a").write_text("a")

    with pytest.raises(NotMeasured, match="flusher"):
        record()
    over.set()
    thread.join()
