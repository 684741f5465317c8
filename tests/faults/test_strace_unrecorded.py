"""What a program does that no crash state shows: it is not refused, and it is said by name."""

import os
import sys
from pathlib import Path

import pytest

from tornwrite.faults.limits import limits_of
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Mkdir, Open, Write
from tornwrite.faults.strace import Straced, probe_strace, run_strace
from tornwrite.faults.trace import load, save

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)


def run(tmp_path: Path, code: str) -> Straced:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "there").write_text("before")
    (root / "old").write_text("old")
    command = [sys.executable, "-I", "-S", "-c", f"import os\n{code}"]
    ran = run_strace(command, root, cwd=root)
    assert ran.status == 0, ran.errors.decode()
    return ran


def elsewhere(did: str, path: Path) -> str:
    return (
        f"the program also {did} {path}, outside the directory that it was given: not recorded, "
        "and no crash takes it away"
    )


@pytest.mark.parametrize(
    ("code", "did", "name"),
    [
        ("open('../log', 'a').close()", "wrote to", "log"),
        ("open('../there', 'r+').close()", "wrote to", "there"),
        ("os.truncate('../there', 0)", "wrote to", "there"),
        ("os.rename('../there', '../here')", "renamed", "here"),
        ("os.unlink('../there')", "removed", "there"),
        ("os.mkdir('../d')", "made", "d"),
        ("os.symlink('there', '../l')", "made", "l"),
        ("os.link('../there', '../h')", "made", "h"),
    ],
)
def test_what_is_done_to_a_file_elsewhere_is_said(
    code: str, did: str, name: str, tmp_path: Path
) -> None:
    ran = run(tmp_path, f"{code}; os.mkdir('d')")
    assert ran.steps == [Mkdir("d")]
    assert ran.unrecorded == (elsewhere(did, tmp_path / name),)


def test_each_file_is_named_once_and_many_are_counted(tmp_path: Path) -> None:
    ran = run(tmp_path, "for n in range(9): [open(f'../f{n}', 'w').close() for _ in '12']")
    *named, last = ran.unrecorded
    assert named == [elsewhere("wrote to", tmp_path / f"f{n}") for n in range(5)]
    assert last == "and so with 4 more files outside that directory"


@pytest.mark.parametrize(
    "code",
    [
        "open('/dev/null', 'w').write('x')",
        "open('/proc/self/comm', 'w').write('x')",
        "open('../there').read()",
        "import tempfile; tempfile.TemporaryFile().close()",
        "import tempfile; tempfile.NamedTemporaryFile().close()",
        "import tempfile; tempfile.TemporaryDirectory().cleanup()",
        "os.mkfifo('../pipe'); os.close(os.open('../pipe', os.O_RDWR))",
        "os.makedirs('../__pycache__'); open('../__pycache__/a.pyc', 'w').close()",
        "import socket; socket.socket(socket.AF_UNIX).bind('../s')",
        "os.pipe(); os.open('old', os.O_RDWR)",
    ],
)
def test_what_nobody_reads_after_a_crash_is_not(code: str, tmp_path: Path) -> None:
    assert run(tmp_path, code).unrecorded == ()


def test_extended_attributes_are_said(tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, "user.a", b"x")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")
    ran = run(
        tmp_path,
        "os.setxattr('old', 'user.a', b'x'); os.removexattr('old', 'user.a')\n"
        "f = os.open('new', os.O_WRONLY | os.O_CREAT, 0o600); os.setxattr(f, 'user.a', b'x')\n"
        "os.setxattr('.', 'user.a', b'x'); os.setxattr('..', 'user.a', b'x')",
    )
    assert ran.unrecorded == (
        "extended attributes of old, new, .: not recorded, and no image has them",
    )


@pytest.mark.parametrize(
    ("code", "first"),
    [
        (
            "os.chmod('old', 0o400); os.mkdir('d', 0o700); os.chmod('d', 0o600)",
            "0400 for old and 1 more",
        ),
        ("os.fchmod(os.open('old', os.O_RDONLY), 0o044)", "0044 for old"),
        ("os.close(os.open('new', os.O_WRONLY | os.O_CREAT, 0o444))", "0444 for new"),
    ],
)
def test_modes_that_keep_the_owner_out_are_said_in_one_sentence(
    code: str, first: str, tmp_path: Path
) -> None:
    assert run(tmp_path, code).unrecorded == (
        f"modes that keep a file's owner from reading or writing it ({first}): not recorded, and "
        "every image can be read and written",
    )


def test_other_modes_owners_and_times_are_not(tmp_path: Path) -> None:
    code = "os.chmod('old', 0o640); os.utime('old', (1, 1)); os.chown('old', -1, -1)"
    assert run(tmp_path, code).unrecorded == ()


def test_it_is_saved_with_the_trace_and_said_with_the_result(tmp_path: Path) -> None:
    trace = run(tmp_path, "open('../log', 'a').close()").trace
    save(trace, tmp_path / "trace")
    again = load(tmp_path / "trace")
    assert again == trace
    assert [*limits_of(again)] == [elsewhere("wrote to", tmp_path / "log")]


@pytest.mark.parametrize(
    "code",
    [
        "os.mkdir('data/d')",
        "os.rmdir('data/there')",
        "os.unlink('data/file')",
        "os.rename('data/file', 'data/other')",
        "os.link('data/file', 'data/other')",
        "os.symlink('file', 'data/other')",
        "os.truncate('data/file', 1)",
    ],
)
def test_a_name_elsewhere_through_a_link_is_refused(code: str, tmp_path: Path) -> None:
    (tmp_path / "out" / "there").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("x")
    with pytest.raises(UnknownStep, match=r"root/data/.*: a link leads out of the recorded root"):
        run(tmp_path, f"os.symlink('../out', 'data'); {code}")


def test_the_current_directory_may_be_named_through_proc(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        "os.mkdir('/proc/self/cwd/d'); open('/proc/self/cwd/d/f', 'w').close()\n"
        "os.chdir('d'); os.mkdir('/proc/thread-self/cwd/e')",
    )
    assert ran.steps[0] == Mkdir("d")
    assert ran.steps[1] == Open(1, "d/f", create=True, truncate=True)
    assert ran.steps[-1] == Mkdir("d/e")
    assert not any(isinstance(step, Write) for step in ran.steps)


def test_a_directory_made_through_a_descriptor_in_proc_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownStep, match=r"mkdir through /proc/self/fd/\d+/d: which file that is"):
        run(tmp_path, "f = os.open('.', os.O_RDONLY); os.mkdir(f'/proc/self/fd/{f}/d')")
