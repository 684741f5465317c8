"""What strace records of real programs, each the smallest that does one thing."""

import os
import sys
from pathlib import Path

import pytest

from tornwrite.faults.steps import (
    Close,
    Fsync,
    Link,
    Mkdir,
    Open,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)
from tornwrite.faults.strace import probe_strace, run_strace

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)


def steps_of(root: Path, code: str) -> list[Step]:
    """Run Python code in `root`, where old (b"0123456789") and the directory sub are."""
    root.mkdir()
    (root / "old").write_bytes(b"0123456789")
    (root / "sub").mkdir()
    program = f"import os\n{code}"
    ran = run_strace([sys.executable, "-I", "-S", "-c", program], root, cwd=root)
    assert ran.status == 0, ran.errors.decode()
    return ran.steps


PROGRAMS: dict[str, tuple[str, list[Step]]] = {
    "a file is made, written, synced and closed": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT | os.O_EXCL)\n"
        "os.write(f, b'xy'); os.write(f, b'z'); os.fsync(f); os.fdatasync(f); os.close(f)",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"xy"),
            Write(1, 2, b"z"),
            Fsync(1),
            Fsync(1, data_only=True),
            Close(1),
        ],
    ),
    "bytes are whatever they are": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT)\n"
        "os.write(f, bytes(range(256)) + b'\") = 5 <unfinished ...>\\n')",
        [
            Open(1, "a", create=True),
            Write(1, 0, bytes(range(256)) + b'") = 5 <unfinished ...>\n'),
        ],
    ),
    "a long write is whole": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os.write(f, b'0123456789' * 100_000)",
        [Open(1, "a", create=True), Write(1, 0, b"0123456789" * 100_000)],
    ),
    "names are whatever they are": (
        "os.mkdir(b'a\\n\\xff'); os.mkdir('b> \"x\\\\'); os.mkdir('ü (deleted)')",
        [Mkdir(os.fsdecode(b"a\n\xff")), Mkdir('b> "x\\'), Mkdir("ü (deleted)")],
    ),
    "a write of nothing is no step": (
        "f = os.open('old', os.O_WRONLY); os.write(f, b'')",
        [Open(1, "old")],
    ),
    "calls that fail and files that are read are no steps": (
        "import contextlib\n"
        "with open('old') as f: f.read()\n"
        "for call in (lambda: open('sub/none/a', 'w'), lambda: os.unlink('none'),\n"
        "             lambda: os.mkdir('sub'), lambda: os.rename('none', 'a'),\n"
        "             lambda: os.write(99, b''), lambda: os.fsync(99)):\n"
        "    with contextlib.suppress(OSError): call()",
        [],
    ),
    "files elsewhere are no steps": (
        "f = os.open('../elsewhere', os.O_RDWR | os.O_CREAT)\n"
        "os.write(f, b'x'); os.fsync(f); os.rename('../elsewhere', '../x'); os.unlink('../x')",
        [],
    ),
    "an append has no offset": (
        "f = os.open('old', os.O_WRONLY | os.O_APPEND)\n"
        "os.write(f, b'x'); os.pwrite(f, b'y', 3); os.lseek(f, 2, 0); os.write(f, b'z')",
        [Open(1, "old"), Write(1, None, b"x"), Write(1, None, b"y"), Write(1, None, b"z")],
    ),
    "O_APPEND can be taken away": (
        "import fcntl\n"
        "f = os.open('old', os.O_WRONLY | os.O_APPEND); os.write(f, b'x')\n"
        "fcntl.fcntl(f, fcntl.F_SETFL, 0); os.lseek(f, 4, 0); os.write(f, b'y')",
        [Open(1, "old"), Write(1, None, b"x"), Write(1, 4, b"y")],
    ),
    "positions follow reads, seeks and writes": (
        "f = os.open('old', os.O_RDWR)\n"
        "os.read(f, 3); os.write(f, b'a'); os.pread(f, 2, 0); os.write(f, b'b')\n"
        "os.pwrite(f, b'P', 0); os.write(f, b'c'); os.lseek(f, -1, 2); os.write(f, b'd')\n"
        "os.lseek(f, 1, 0); os.readv(f, [bytearray(1)]); os.preadv(f, [bytearray(5)], 0)\n"
        "os.write(f, b'e')",
        [
            Open(1, "old"),
            Write(1, 3, b"a"),
            Write(1, 4, b"b"),
            Write(1, 0, b"P"),
            Write(1, 5, b"c"),
            Write(1, 9, b"d"),
            Write(1, 2, b"e"),
        ],
    ),
    "buffers are joined": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT)\n"
        "os.writev(f, [b'ab', b'', b'c']); os.pwritev(f, [b'x', b'y'], 7); os.write(f, b'd')",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"abc"),
            Write(1, 7, b"xy"),
            Write(1, 3, b"d"),
        ],
    ),
    "the flags of one write count": (
        "f = os.open('old', os.O_WRONLY)\n"
        "os.pwritev(f, [b'a'], 1, os.RWF_DSYNC); os.pwritev(f, [b'b'], 1, os.RWF_APPEND)",
        [Open(1, "old"), Write(1, 1, b"a", sync=True), Write(1, None, b"b")],
    ),
    "a write may be cut short": (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5, 5))\n"
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); g = os.open('b', os.O_WRONLY | os.O_CREAT)\n"
        "os.write(f, b'0123456789'); os.writev(g, [b'012', b'3456'])",
        [
            Open(1, "a", create=True),
            Open(2, "b", create=True),
            Write(1, 0, b"01234"),
            Write(2, 0, b"01234"),
        ],
    ),
    "O_SYNC and O_DSYNC stay with the file": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT | os.O_SYNC); os.write(f, b'a')\n"
        "g = os.open('old', os.O_WRONLY | os.O_TRUNC | os.O_DSYNC); os.write(g, b'b')",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"a", sync=True),
            Open(2, "old", truncate=True),
            Write(2, 0, b"b", sync=True),
        ],
    ),
    "descriptors that are dup'ed share one open file": (
        "import fcntl\n"
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); g = os.dup(f); h = os.dup2(f, 40)\n"
        "i = fcntl.fcntl(f, fcntl.F_DUPFD, 50)\n"
        "os.write(f, b'a'); os.close(f); os.write(g, b'b'); os.close(g)\n"
        "os.write(h, b'c'); os.close(i); os.write(h, b'd'); os.close(h)",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"a"),
            Write(1, 1, b"b"),
            Write(1, 2, b"c"),
            Write(1, 3, b"d"),
            Close(1),
        ],
    ),
    "dup2 closes what it replaces": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); g = os.open('b', os.O_WRONLY | os.O_CREAT)\n"
        "os.dup2(f, f); os.dup2(f, g); os.write(g, b'x'); os.dup2(0, f); os.dup2(0, g)",
        [
            Open(1, "a", create=True),
            Open(2, "b", create=True),
            Close(2),
            Write(1, 0, b"x"),
            Close(1),
        ],
    ),
    "a number can be used again": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os.close(f)\n"
        "g = os.open('old', os.O_RDONLY); os.close(g)\n"
        "h = os.open('b', os.O_WRONLY | os.O_CREAT); assert f == h; os.write(h, b'x')",
        [Open(1, "a", create=True), Close(1), Open(2, "b", create=True), Write(2, 0, b"x")],
    ),
    "many are closed at once": (
        "a = [os.open(name, os.O_WRONLY | os.O_CREAT) for name in 'abc']; os.closerange(3, 100)",
        [
            Open(1, "a", create=True),
            Open(2, "b", create=True),
            Open(3, "c", create=True),
            Close(1),
            Close(2),
            Close(3),
        ],
    ),
    "what is open at the end is not closed": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os._exit(0)",
        [Open(1, "a", create=True)],
    ),
    "exec closes what is not inherited": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); g = os.open('b', os.O_WRONLY | os.O_CREAT)\n"
        "os.dup2(f, 60, inheritable=False); os.close(f); os.set_inheritable(g, True)\n"
        "os.execv('/bin/sh', ['sh', '-c', f'echo x >&{g}'])",
        [Open(1, "a", create=True), Open(2, "b", create=True), Close(1), Write(2, 0, b"x\n")],
    ),
    "a thread can exec": (
        "import threading, time\n"
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os.set_inheritable(f, True)\n"
        "run = lambda: os.execv('/bin/sh', ['sh', '-c', f'echo x >&{f}; mv a b'])\n"
        "threading.Thread(target=run).start(); time.sleep(9)",
        [Open(1, "a", create=True), Write(1, 0, b"x\n"), Rename("a", "b")],
    ),
    "a file may be cut and grown": (
        "f = os.open('old', os.O_RDWR); os.ftruncate(f, 3); os.close(f); os.truncate('old', 20)",
        [Open(1, "old"), SetSize(1, 3), Close(1), Open(2, "old"), SetSize(2, 20), Close(2)],
    ),
    "O_TRUNC without writing truncates too": (
        "os.close(os.open('old', os.O_RDONLY | os.O_TRUNC))",
        [Open(1, "old", truncate=True), Close(1)],
    ),
    "a descriptor outlives the name": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os.rename('a', 'b'); os.write(f, b'x')\n"
        "os.unlink('b'); os.write(f, b'y'); os.fsync(f); os.close(f)",
        [
            Open(1, "a", create=True),
            Rename("a", "b"),
            Write(1, 0, b"x"),
            Unlink("b"),
            Write(1, 1, b"y"),
            Fsync(1),
            Close(1),
        ],
    ),
    "directories and files read are synced by path": (
        "f = os.open('sub', os.O_RDONLY); os.fsync(f); g = os.open('.', os.O_RDONLY); os.fsync(g)\n"
        "h = os.open('old', os.O_RDONLY); os.fdatasync(h)\n"
        "i = os.open('..', os.O_RDONLY); os.fsync(i); os.rename('sub', 'new'); os.fsync(f)",
        [
            Fsync("sub"),
            Fsync(""),
            Fsync("old", data_only=True),
            Rename("sub", "new"),
            Fsync("new"),
        ],
    ),
    "everything is synced": ("os.sync()", [SyncAll()]),
    "names are made and removed": (
        "os.mkdir('d'); os.link('old', 'd/h'); os.symlink('../old', 'd/s')\n"
        "os.replace('d/h', 'd/i'); os.unlink('d/i'); os.remove('d/s'); os.rmdir('d')",
        [
            Mkdir("d"),
            Link("old", "d/h"),
            Symlink("d/s", "../old"),
            Rename("d/h", "d/i"),
            Unlink("d/i"),
            Unlink("d/s"),
            Rmdir("d"),
        ],
    ),
    "paths relative to a directory descriptor": (
        "d = os.open('sub', os.O_RDONLY); r = os.open('.', os.O_RDONLY)\n"
        "f = os.open('a', os.O_WRONLY | os.O_CREAT, dir_fd=d); os.mkdir('m', dir_fd=d)\n"
        "os.rename('a', 'b', src_dir_fd=d, dst_dir_fd=r); os.symlink('t', 's', dir_fd=d)\n"
        "os.link('b', 'c', src_dir_fd=r, dst_dir_fd=d); os.rmdir('m', dir_fd=d)\n"
        "os.rename('sub', 'new'); os.unlink('c', dir_fd=d)",
        [
            Open(1, "sub/a", create=True),
            Mkdir("sub/m"),
            Rename("sub/a", "b"),
            Symlink("sub/s", "t"),
            Link("b", "sub/c"),
            Rmdir("sub/m"),
            Rename("sub", "new"),
            Unlink("new/c"),
        ],
    ),
    "a tree is removed": (
        "import shutil\nos.mkdir('sub/d'); os.link('old', 'sub/d/f'); shutil.rmtree('sub')",
        [Mkdir("sub/d"), Link("old", "sub/d/f"), Unlink("sub/d/f"), Rmdir("sub/d"), Rmdir("sub")],
    ),
    "the current directory is followed": (
        "os.chdir('sub'); os.mkdir('a'); os.rename('../sub', '../new'); os.mkdir('b')\n"
        "d = os.open('..', os.O_RDONLY); os.fchdir(d); os.mkdir('c')",
        [Mkdir("sub/a"), Rename("sub", "new"), Mkdir("new/b"), Mkdir("c")],
    ),
    "links in a path are followed as they were": (
        "os.symlink('sub', 'l'); os.mkdir('l/a'); f = os.open('l/f', os.O_WRONLY | os.O_CREAT)\n"
        "os.unlink('l'); os.symlink('sub/f', 'm')\n"
        "g = os.open('m', os.O_WRONLY); os.write(g, b'x')\n"
        "os.rename('m', 'n'); os.unlink('n'); os.rename('sub/f', 'm'); os.mkdir('m2')",
        [
            Symlink("l", "sub"),
            Mkdir("sub/a"),
            Open(1, "sub/f", create=True),
            Unlink("l"),
            Symlink("m", "sub/f"),
            Open(2, "sub/f"),
            Write(2, 0, b"x"),
            Rename("m", "n"),
            Unlink("n"),
            Rename("sub/f", "m"),
            Mkdir("m2"),
        ],
    ),
    "links move with their directory and go when they are removed": (
        "os.mkdir('d'); os.symlink('../sub', 'd/l'); os.rename('d', 'e'); os.mkdir('e/l/x')\n"
        "os.unlink('e/l'); os.mkdir('e/l'); os.mkdir('e/l/y'); os.symlink('sub', 'm')\n"
        "os.rename('old', 'm'); os.link('m', 'n'); os.truncate('m', 1)",
        [
            Mkdir("d"),
            Symlink("d/l", "../sub"),
            Rename("d", "e"),
            Mkdir("sub/x"),
            Unlink("e/l"),
            Mkdir("e/l"),
            Mkdir("e/l/y"),
            Symlink("m", "sub"),
            Rename("old", "m"),
            Link("m", "n"),
            Open(1, "m"),
            SetSize(1, 1),
            Close(1),
        ],
    ),
    "an open through /proc is the file that it leads to": (
        "f = os.open('old', os.O_RDONLY); g = os.open(f'/proc/self/fd/{f}', os.O_WRONLY)\n"
        "os.write(g, b'x'); os.open(f'/dev/fd/{f}', os.O_WRONLY)",
        [Open(1, "old"), Write(1, 0, b"x"), Open(2, "old")],
    ),
    "text mode writes when it flushes": (
        "with open('t', 'w', encoding='utf-8') as f:\n"
        "    f.write('grüße\\n'); f.flush(); f.write('x' * 100); f.write('y')",
        [
            Open(1, "t", create=True, truncate=True),
            Write(1, 0, "grüße\n".encode()),
            Write(1, 8, b"x" * 100 + b"y"),
            Close(1),
        ],
    ),
    "buffered updating seeks where it read ahead": (
        "with open('old', 'r+b') as f: f.read(2); f.write(b'AB'); f.seek(0, 2); f.write(b'C')",
        [Open(1, "old"), Write(1, 2, b"AB"), Write(1, 10, b"C"), Close(1)],
    ),
    "modes are no steps": (
        "os.chmod('old', 0o600); os.utime('old'); os.chown('old', -1, -1)",
        [],
    ),
    "a forked child shares the position": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); os.write(f, b'ab')\n"
        "if not os.fork(): os.write(f, b'cd'); os.close(f); os._exit(0)\n"
        "os.wait(); os.write(f, b'e'); os.close(f)",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"ab"),
            Write(1, 2, b"cd"),
            Write(1, 4, b"e"),
            Close(1),
        ],
    ),
    "the last process to close closes": (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT); r, w = os.pipe()\n"
        "if not os.fork(): os.read(r, 1); os.write(f, b'x'); os.close(f); os._exit(0)\n"
        "os.close(f); os.write(w, b'.'); os.wait()",
        [Open(1, "a", create=True), Write(1, 0, b"x"), Close(1)],
    ),
    "a started program inherits its output": (
        "import subprocess\n"
        "with open('a', 'wb') as f: subprocess.run(['sh', '-c', 'echo one; echo two'], stdout=f)",
        [
            Open(1, "a", create=True, truncate=True),
            Write(1, 0, b"one\n"),
            Write(1, 4, b"two\n"),
            Close(1),
        ],
    ),
    "threads share descriptors and the current directory": (
        "import threading\n"
        "def run(call):\n"
        "    thread = threading.Thread(target=call); thread.start(); thread.join()\n"
        "fs = []\n"
        "run(lambda: fs.append(os.open('a', os.O_WRONLY | os.O_CREAT)))\n"
        "run(lambda: os.write(fs[0], b'x')); os.write(fs[0], b'y'); run(lambda: os.close(fs[0]))\n"
        "run(lambda: os.chdir('sub')); os.mkdir('d')",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"x"),
            Write(1, 1, b"y"),
            Close(1),
            Mkdir("sub/d"),
        ],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_is_recorded(name: str, tmp_path: Path) -> None:
    code, expected = PROGRAMS[name]
    assert steps_of(tmp_path / "root", code) == expected


def test_temporary_file_that_becomes_a_file(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path / "root",
        "import tempfile\n"
        "with tempfile.NamedTemporaryFile(dir='.', delete=False) as f: f.write(b'x')\n"
        "os.replace(f.name, 'new')",
    )
    opened = steps[0]
    assert isinstance(opened, Open)
    assert steps == [
        Open(1, opened.path, create=True),
        Write(1, 0, b"x"),
        Close(1),
        Rename(opened.path, "new"),
    ]


def test_shell_program_is_recorded(tmp_path: Path) -> None:
    ran = run_strace(["sh", "-c", "echo a > f; mv f g; sync; echo b >> g"], tmp_path, cwd=tmp_path)
    assert ran.steps == [
        Open(1, "f", create=True, truncate=True),
        Write(1, 0, b"a\n"),
        Close(1),
        Rename("f", "g"),
        SyncAll(),
        Open(2, "g", create=True),
        Write(2, None, b"b\n"),
        Close(2),
    ]


def test_busy_threads_and_processes_are_told_apart(tmp_path: Path) -> None:
    """Every file gets its own bytes, though hundreds of calls are under way at once."""
    steps = steps_of(
        tmp_path / "root",
        "import threading\n"
        "def work(name):\n"
        "    for number in range(20):\n"
        "        with open(f'{name}.tmp', 'wb', 0) as f:\n"
        "            f.write(name.encode()); f.write(str(number).encode()); os.fsync(f.fileno())\n"
        "        os.replace(f'{name}.tmp', name)\n"
        "def several(prefix):\n"
        "    threads = [threading.Thread(target=work, args=(f'{prefix}{n}',)) for n in range(4)]\n"
        "    [thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "children = []\n"
        "for prefix in 'pq':\n"
        "    child = os.fork()\n"
        "    if not child: several(prefix); os._exit(0)\n"
        "several('m'); [os.wait() for _ in 'pq']",
    )
    opened = {step.handle: step.path for step in steps if isinstance(step, Open)}
    assert len(opened) == 12 * 20
    for handle, path in opened.items():
        mine = [step for step in steps if getattr(step, "handle", None) == handle]
        kinds = [type(step) for step in mine]
        assert kinds == [Open, Write, Write, Close]
        assert isinstance(mine[1], Write)
        assert mine[1].data.decode() + ".tmp" == path
    assert sum(isinstance(step, Rename) for step in steps) == 12 * 20


def test_root_may_be_reached_through_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    link = tmp_path / "link"
    link.symlink_to(real)
    for root, used in ((real, link), (link, real), (link, link)):
        ran = run_strace(["sh", "-c", f"mkdir {used}/d; cd {used}; rmdir d"], root)
        assert ran.steps == [Mkdir("d"), Rmdir("d")]


def test_relative_root_and_directory_are_taken_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run_strace(["mkdir", "d"], "data", cwd="data").steps == [Mkdir("d")]
