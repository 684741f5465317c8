"""What a program does for which there is no step: an error with its name, never a step left out."""

import sys
from pathlib import Path

import pytest

from tornwrite.faults.strace import (
    StraceIncompleteError,
    UnknownStep,
    probe_strace,
    run_strace,
)

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)

LIBC = (
    "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(name, *a):\n"
    "    result = getattr(libc, name)(*a)\n"
    "    assert result >= 0, (name, ctypes.get_errno())\n"
    "    return result\n"
)

REFUSED: dict[str, tuple[str, str]] = {
    "a shared mapping made writable later": (
        LIBC + "import mmap; f = os.open('old', os.O_RDWR)\n"
        "m = mmap.mmap(f, 10, prot=mmap.PROT_READ)\n"
        "libc.mmap.restype = ctypes.c_void_p\n"
        "address = libc.mmap(None, 10, 1, 1, f, 0)\n"
        "call('mprotect', ctypes.c_void_p(address), 10, 3)",
        r"mprotect by process \d+ makes a shared mapping of old writable: .*; map it writable",
    ),
    "a copy from a file elsewhere that changed": (
        "open('../in', 'w').write('x'); f = os.open('../in', 0)\n"
        "os.sendfile(os.open('a', os.O_WRONLY | os.O_CREAT), f, 0, 1)",
        r"sendfile into a by process \d+ from .*/in, which is not recorded and has changed",
    ),
    "a copy from a file elsewhere that is gone": (
        "open('../in', 'w').write('x'); f = os.open('../in', 0); os.rename('../in', '../out')\n"
        "os.sendfile(os.open('a', os.O_WRONLY | os.O_CREAT), f, 0, 1)",
        r"sendfile into a by process \d+ from .*out, which is not recorded and has changed",
    ),
    "a copy from what has no name": (
        "f = os.open('old', 0); os.unlink('old')\n"
        "os.sendfile(os.open('a', os.O_WRONLY | os.O_CREAT), f, 0, 1)",
        r"sendfile into a by process \d+ from a file without a name",
    ),
    "more mapped than can be compared": (
        "import mmap; f = os.open('a', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 65 << 20)\n"
        "mmap.mmap(f, 4096)[0] = 1",
        r"mmap of a by process \d+, shared and writable: .*64 MiB.*; map less of it",
    ),
    "splice": (
        "r, w = os.pipe(); os.write(w, b'x'); g = os.open('a', os.O_WRONLY | os.O_CREAT)\n"
        "os.splice(r, g, 1)",
        r"splice into a by process \d+: its bytes come from a pipe .*; use write",
    ),
    "a range taken out": (
        LIBC + "f = os.open('old', os.O_RDWR); os.truncate('old', 8192)\n"
        "call('fallocate', f, 8, ctypes.c_long(0), ctypes.c_long(4096))",
        r"fallocate of old by process \d+ with FALLOC_FL_COLLAPSE_RANGE: .*; write it anew",
    ),
    "direct I/O": (
        "os.open('old', os.O_WRONLY | os.O_DIRECT)",
        r"openat .*old with O_DIRECT by process \d+: .*; open it without",
    ),
    "a whiteout": (
        LIBC + "call('renameat2', -100, b'old', -100, b'new', 4)",
        r"renameat2 .*old with RENAME_WHITEOUT by process \d+",
    ),
    "an exchange with a file elsewhere": (
        LIBC + "open('../in', 'x').close(); call('renameat2', -100, b'../in', -100, b'old', 2)",
        r"moved into or out of the recorded root",
    ),
    "a file without a name linked elsewhere": (
        "f = os.open('.', os.O_WRONLY | os.O_TMPFILE)\n"
        "os.link(f'/proc/self/fd/{f}', '../out', src_dir_fd=0)",
        r"linkat a file without a name in . -> .*/out by process \d+: a file moved out",
    ),
    "a file moved in": (
        "open('../in', 'x').close(); os.rename('../in', 'in')",
        r"moved into or out of the recorded root",
    ),
    "a file moved out": ("os.rename('old', '../out')", r"moved into or out of the recorded root"),
    "a link to a file outside": (
        "open('../in', 'x').close(); os.link('../in', 'in')",
        r"moved into or out of the recorded root",
    ),
    "the root moved away": ("os.rename('.' + './root', '../r')", r"the recorded root or above it"),
    "a pipe with a name": ("os.mkfifo('pipe')", r"mknod.* .*root/pipe"),
    "a socket with a name": (
        "import socket; socket.socket(socket.AF_UNIX).bind('s')",
        r"bind .*root/s makes a socket",
    ),
    "a name removed through /proc": (
        "f = os.open('sub', os.O_RDONLY); os.mkdir('sub/d'); os.rmdir(f'/proc/self/fd/{f}/d')",
        r"rmdir through /proc/self/fd/\d+/d",
    ),
    "a descriptor from another process": (
        "import socket; a, b = socket.socketpair(); f = os.open('old', os.O_WRONLY)\n"
        "socket.send_fds(a, [b'.'], [f]); g = socket.recv_fds(b, 1, 1)[1][0]; os.write(g, b'x')",
        r"write on old through descriptor \d+ .*not followed",
    ),
    "a barrier on what has no name": (
        "f = os.open('old', os.O_RDONLY); os.unlink('old'); os.fsync(f)",
        r"fsync on old, open for reading and without a name",
    ),
    "io_uring": (
        LIBC + "p = ctypes.create_string_buffer(120); call('syscall', 425, 1, p)",
        r"io_uring_setup.* of process \d+: what it does .* cannot be told; let it use plain calls",
    ),
    "a call of a 32-bit program": (
        LIBC + "import mmap; f = os.open('old', os.O_RDWR)\n"
        "assert os.uname().machine == 'x86_64'\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page[:17] = bytes.fromhex('53b8c200000089fb31c931d2cd805bc3f4')\n"  # ftruncate64(f, 0)
        "call32 = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(\n"
        "    ctypes.addressof(ctypes.c_char.from_buffer(page)))\n"
        "child = os.fork() or os._exit(call32(f) != 0)\n"
        "assert os.waitpid(child, 0)[1] == 0",
        r"ftruncate64.* of process \d+: .*32-bit programs are not followed",
    ),
    "a file elsewhere through a link": (
        "os.mkdir('../out'); os.symlink('../out', 'data')\n"
        "os.open('data/a', os.O_WRONLY | os.O_CREAT)",
        r"openat .*root/data/a by process \d+: a link leads out of the recorded root, to .*out/a",
    ),
    "another root": (LIBC + "call('chroot', b'sub')", r"chroot"),
    "another namespace": (LIBC + "call('unshare', 0x20000)", r"namespace"),
}


def run(root: Path, code: str) -> None:
    root.mkdir()
    (root / "old").write_bytes(b"0123456789")
    (root / "sub").mkdir()
    ran = run_strace([sys.executable, "-I", "-S", "-c", f"import os\n{code}"], root, cwd=root)
    last = ran.errors.decode().strip().splitlines()[-1:]
    if ran.status and last and ("PermissionError" in last[0] or "AssertionError" in last[0]):
        pytest.skip(f"not possible here: {last[0]}")
    assert ran.status in (0, -9), ran.errors.decode()


@pytest.mark.parametrize("name", REFUSED)
def test_unknown_step_is_named(name: str, tmp_path: Path) -> None:
    code, message = REFUSED[name]
    with pytest.raises(UnknownStep, match=message):
        run(tmp_path / "root", code)


HARMLESS = {
    "a private mapping": "import mmap; f = os.open('old', os.O_RDWR)\n"
    "mmap.mmap(f, 10, flags=mmap.MAP_PRIVATE)[0:1] = b'X'",
    "a shared mapping that is only read": "import mmap; f = os.open('old', os.O_RDWR)\n"
    "m = mmap.mmap(f, 10, prot=mmap.PROT_READ); m[0:5]; m.close()",
    "a copy to elsewhere": "f = os.open('old', 0); g = os.open('/dev/null', os.O_WRONLY)\n"
    "os.sendfile(g, f, 0, 5)",
    "a file without a name elsewhere": "import tempfile; tempfile.TemporaryFile().close()",
    "a socket without a path": "import socket; socket.socket(socket.AF_UNIX).bind('\\0x')",
    "locks": "import fcntl; f = open('old', 'rb+'); fcntl.flock(f, fcntl.LOCK_EX)\n"
    "fcntl.lockf(f, fcntl.LOCK_EX)",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_nothing_is_not_refused(name: str, tmp_path: Path) -> None:
    run(tmp_path / "root", HARMLESS[name])


def test_write_cut_off_by_a_kill_is_not_guessed(tmp_path: Path) -> None:
    """A thread does nothing but long writes, so the kill meets one."""
    code = (
        "import signal, threading, time; f = os.open('old', os.O_WRONLY); data = b'x' * 300_000\n"
        "def work():\n"
        "    while True: os.pwrite(f, data, 0)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.05); os.kill(os.getpid(), signal.SIGKILL)"
    )
    with pytest.raises(UnknownStep, match=r"pwrite64.* the process was killed in it"):
        run_often(tmp_path, code)


def run_often(folder: Path, code: str) -> None:
    """Until it raises: the kill may come between two writes."""
    for attempt in range(20):
        run(folder / str(attempt), code)


def test_change_that_no_call_shows_is_found(tmp_path: Path) -> None:
    """A second name outside the root leads to a file below it."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"before")
    (tmp_path / "outside").hardlink_to(root / "file")
    with pytest.raises(StraceIncompleteError, match=r"file differs: 6 B b'before' expected"):
        run_strace(["sh", "-c", f"echo after > {tmp_path}/outside"], root)
