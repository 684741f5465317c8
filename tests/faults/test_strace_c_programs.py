"""Programs in C, each the smallest that does one thing to a file, and the steps that strace shows.

Each recording is also held against the disk: `run_strace` does the steps on what was there before
and raises if that does not leave what is there now.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tornwrite.faults.steps import (
    Close,
    Exchange,
    Fsync,
    Link,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Store,
    Write,
)
from tornwrite.faults.strace import Straced, UnknownStep, probe_strace, run_strace

ABILITY = probe_strace()
CC = shutil.which("cc")
pytestmark = [
    pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason),
    pytest.mark.skipif(CC is None, reason="there is no C compiler here"),
]

HEAD = r"""
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* For a call that is not possible on every file system. */
static int may(int result) {
    if (result < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == EXDEV)) _exit(77);
    return result;
}
static int must(int result) { if (result < 0) err(1, "call"); return result; }
static char *map(int f, size_t length, int flags) {
    char *at = mmap(0, length, PROT_READ | PROT_WRITE, flags, f, 0);
    if (at == MAP_FAILED) err(1, "mmap");
    return at;
}
"""


def run(folder: Path, body: str, before: str = "") -> Straced:
    """Compile the body of a main function and run it where old ("0123456789") and sub are."""
    assert CC is not None
    source, program, root = folder / "program.c", folder / "program", folder / "root"
    source.write_text(f"{HEAD}\n{before}\nint main(void) {{\n{body}\nreturn 0; }}\n")
    compiled = subprocess.run(
        [CC, "-w", "-pthread", "-o", program, source], capture_output=True, text=True, check=False
    )
    assert compiled.returncode == 0, compiled.stderr
    (root / "sub").mkdir(parents=True)
    (root / "old").write_bytes(b"0123456789")
    ran = run_strace([str(program)], root, cwd=root)
    if ran.status == 77:
        pytest.skip("this file system cannot do that")
    assert ran.status == 0, ran.errors.decode()
    return ran


NEW = Open(1, "a", create=True)
OLD = Open(1, "old")

PROGRAMS: dict[str, tuple[str, list[Step]]] = {
    "stores are steps where they come among the calls": (
        """int f = open("a", O_RDWR | O_CREAT, 0600); must(ftruncate(f, 8192));
        char *m = map(f, 8192, MAP_SHARED); close(f);
        m[1] = 'x'; must(msync(m, 8192, MS_SYNC)); m[2] = 'y'; must(mkdir("d", 0700));
        m[4096] = 'z'; must(msync(m + 4096, 4096, MS_SYNC)); munmap(m, 8192);""",
        [
            NEW,
            SetSize(1, 8192),
            Store(1, 1, b"x"),
            Fsync(1, True, 0, 8192),
            Store(1, 2, b"y"),
            Mkdir("d"),
            Store(1, 4096, b"z"),
            Fsync(1, True, 4096, 8192),
            Close(1),
        ],
    ),
    "a program that ends with a file mapped has stored": (
        """int f = open("old", O_RDWR); char *m = map(f, 10, MAP_SHARED); m[3] = 'x';""",
        [OLD, Store(1, 3, b"x")],
    ),
    "a program that kills itself with a file mapped has stored": (
        """int f = open("old", O_RDWR); char *m = map(f, 10, MAP_SHARED);
        if (!fork()) { m[3] = 'x'; raise(SIGKILL); } wait(0);
        must(mkdir("d", 0700)); m[4] = 'y';""",
        [OLD, Store(1, 3, b"x"), Mkdir("d"), Store(1, 4, b"y")],
    ),
    "an asynchronous msync is no barrier": (
        """int f = open("old", O_RDWR); char *m = map(f, 10, MAP_SHARED); m[3] = 'x';
        must(msync(m, 10, MS_ASYNC)); must(msync(m, 10, MS_SYNC | MS_INVALIDATE));""",
        [OLD, Store(1, 3, b"x"), Fsync(1, True, 0, 10)],
    ),
    "what lies beyond the end of the file is not stored": (
        """int f = open("old", O_RDWR); char *m = map(f, 4096, MAP_SHARED);
        m[9] = 'x'; m[10] = 'y'; must(msync(m, 4096, MS_SYNC));""",
        [OLD, Store(1, 9, b"x"), Fsync(1, True, 0, 4096)],
    ),
    "writing to a mapped file is no store": (
        """int f = open("old", O_RDWR); char *m = map(f, 10, MAP_SHARED);
        m[0] = 'x'; must(pwrite(f, "abc", 3, 1)); m[2] = 'y'; must(ftruncate(f, 5));
        must(ftruncate(f, 12)); m[4] = 'z'; must(pwrite(f, "end", 3, 12));""",
        [
            OLD,
            Store(1, 0, b"x"),
            Write(1, 1, b"abc"),
            Store(1, 2, b"y"),
            SetSize(1, 5),
            SetSize(1, 12),
            Store(1, 4, b"z"),
            Write(1, 12, b"end"),
        ],
    ),
    "a long write beside a mapped file comes after what was stored before": (
        """int f = open("old", O_RDWR), g = open("a", O_RDWR | O_CREAT, 0600);
        char *m = map(f, 10, MAP_SHARED); static char data[50000]; memset(data, 'd', 50000);
        m[0] = 'x'; must(write(g, data, 50000)); m[1] = 'y'; must(write(g, data, 50000));
        m[2] = 'z';""",
        [
            OLD,
            Open(2, "a", create=True),
            Store(1, 0, b"x"),
            Write(2, 0, b"d" * 50000),
            Store(1, 1, b"y"),
            Write(2, 50000, b"d" * 50000),
            Store(1, 2, b"z"),
        ],
    ),
    "a mapping can move and grow": (
        """int f = open("a", O_RDWR | O_CREAT, 0600); must(ftruncate(f, 4096));
        char *m = map(f, 4096, MAP_SHARED); must(ftruncate(f, 12288));
        m = mremap(m, 4096, 12288, MREMAP_MAYMOVE); m[12287] = 'x';
        must(msync(m + 8192, 4096, MS_SYNC)); close(f); munmap(m, 12288);""",
        [
            NEW,
            SetSize(1, 4096),
            SetSize(1, 12288),
            Store(1, 12287, b"x"),
            Fsync(1, True, 8192, 12288),
            Close(1),
        ],
    ),
    "a file stays open until its last mapping is gone": (
        """int f = open("a", O_RDWR | O_CREAT, 0600); must(ftruncate(f, 12288));
        char *m = map(f, 12288, MAP_SHARED); close(f); munmap(m + 4096, 4096);
        m[0] = 'x'; m[8192] = 'y'; munmap(m, 4096); must(mkdir("d", 0700));
        mmap(m + 8192, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);""",
        [
            NEW,
            SetSize(1, 12288),
            Store(1, 0, b"x"),
            Store(1, 8192, b"y"),
            Mkdir("d"),
            Close(1),
        ],
    ),
    "a child that execs gives up its mappings and its parent does not": (
        """int f = open("old", O_RDWR | O_CLOEXEC); char *m = map(f, 10, MAP_SHARED); close(f);
        if (!vfork()) { execl("/bin/true", "true", (char *)0); _exit(1); } wait(0);
        if (!fork()) execl("/bin/true", "true", (char *)0); wait(0);
        m[0] = 'x'; munmap(m, 10);""",
        [OLD, Store(1, 0, b"x"), Close(1)],
    ),
    "a copy has the bytes of its source as they were then": (
        """int f = open("old", O_RDWR), g = open("a", O_RDWR | O_CREAT, 0600); off_t at = 2;
        long long from = 1, to = 9;
        must(sendfile(g, f, &at, 3)); must(pwrite(f, "XY", 2, 0)); must(sendfile(g, f, 0, 2));
        must(copy_file_range(f, &from, g, &to, 4, 0)); must(copy_file_range(f, 0, g, 0, 99, 0));
        """,
        [
            OLD,
            Open(2, "a", create=True),
            Write(2, 0, b"234"),
            Write(1, 0, b"XY"),
            Write(2, 3, b"XY"),
            Write(2, 9, b"Y234"),
            Write(2, 5, b"23456789"),
        ],
    ),
    "a copy knows where a file that is only read stands": (
        """int f = open("old", O_RDONLY), h = dup(f), g = open("a", O_WRONLY | O_CREAT, 0600);
        char b[9]; must(read(f, b, 2)); must(copy_file_range(h, 0, g, 0, 3, 0));
        must(lseek(f, 1, SEEK_CUR)); if (!fork()) { must(sendfile(g, h, 0, 2)); _exit(0); }
        wait(0); must(sendfile(g, f, 0, 9));""",
        [
            Open(1, "a", create=True),
            Write(1, 0, b"234"),
            Write(1, 3, b"67"),
            Write(1, 5, b"89"),
        ],
    ),
    "a copy from a mapped file has what was stored": (
        """int f = open("old", O_RDWR), g = open("a", O_WRONLY | O_CREAT, 0600); off_t at = 0;
        char *m = map(f, 10, MAP_SHARED); m[1] = 'x'; must(sendfile(g, f, &at, 3));""",
        [OLD, Open(2, "a", create=True), Store(1, 1, b"x"), Write(2, 0, b"0x2")],
    ),
    "fallocate makes files longer, or zeros": (
        """int f = open("old", O_RDWR); may(fallocate(f, 0, 0, 5)); may(fallocate(f, 0, 8, 6));
        may(fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 99999));
        may(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
        may(fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 9, 99));""",
        [OLD, SetSize(1, 14), Write(1, 2, b"\0\0\0"), Write(1, 9, b"\0\0\0\0\0")],
    ),
    "zeroing a range can make a file longer": (
        """int f = open("old", O_RDWR); may(fallocate(f, FALLOC_FL_ZERO_RANGE, 8, 4));
        may(fallocate(f, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 99));""",
        [OLD, Write(1, 8, b"\0\0"), SetSize(1, 12), Write(1, 0, bytes(12))],
    ),
    "a file without a name gets one": (
        """int f = may(open("sub", O_TMPFILE | O_RDWR, 0600)); must(write(f, "abc", 3));
        must(fsync(f)); char path[64]; sprintf(path, "/proc/self/fd/%d", f);
        must(linkat(AT_FDCWD, path, AT_FDCWD, "sub/a", AT_SYMLINK_FOLLOW)); must(write(f, "d", 1));
        if (linkat(f, "", AT_FDCWD, "b", AT_EMPTY_PATH)) err(1, "linkat"); close(f);""",
        [
            OpenUnnamed(1, "sub"),
            Write(1, 0, b"abc"),
            Fsync(1),
            Link(1, "sub/a"),
            Write(1, 3, b"d"),
            Link(1, "b"),
            Close(1),
        ],
    ),
    "two names change places, and what is open stays with its file": (
        """int f = open("old", O_RDWR), d = open(".", O_RDONLY); must(mkdir("sub/d", 0700));
        must(chdir("sub")); may(renameat2(AT_FDCWD, "../old", d, "sub", RENAME_EXCHANGE));
        must(write(f, "X", 1)); must(mkdir("e", 0700)); must(unlinkat(d, "old/d", AT_REMOVEDIR));
        must(renameat2(d, "old", d, "new", RENAME_NOREPLACE));""",
        [
            OLD,
            Mkdir("sub/d"),
            Exchange("old", "sub"),
            Write(1, 0, b"X"),
            Mkdir("old/e"),
            Rmdir("old/d"),
            Rename("old", "new"),
        ],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_does_is_told_step_by_step(name: str, tmp_path: Path) -> None:
    body, steps = PROGRAMS[name]
    ran = run(tmp_path, body)
    assert ran.steps == steps


def test_threads_that_store_and_call_at_once_are_found_out_in_the_end(tmp_path: Path) -> None:
    """Where among the calls a store comes is not certain then; that it is there at the end is."""
    ran = run(
        tmp_path,
        """int f = open("a", O_RDWR | O_CREAT, 0600); must(ftruncate(f, 40960));
        m = map(f, 40960, MAP_SHARED); pthread_t t[4];
        for (long n = 0; n < 4; n++) pthread_create(&t[n], 0, work, (void *)n);
        for (int n = 0; n < 4; n++) pthread_join(t[n], 0);""",
        """static char *m;
        static void *work(void *number) {
            long n = (long)number; char name[20]; int f;
            for (int i = 0; i < 50; i++) {
                m[n * 8192 + i * 100] = 'a' + n; sprintf(name, "f%ld", n);
                close(open(name, O_CREAT | O_WRONLY, 0600)); msync(m + n * 8192, 8192, MS_SYNC);
            }
            return 0;
        }""",
    )
    assert sum(isinstance(step, Store) for step in ran.steps) > 4
    assert sum(isinstance(step, Fsync) for step in ran.steps) == 200


def test_a_mapping_of_a_child_that_outlives_its_parents_is_still_looked_at(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        """int f = open("old", O_RDWR); char *m = map(f, 10, MAP_SHARED); close(f); int p[2];
        pipe(p);
        if (!fork()) { char c; read(p[0], &c, 1); m[1] = 'x'; mkdir("d", 0700); _exit(0); }
        munmap(m, 10); write(p[1], "g", 1); wait(0);""",
    )
    assert ran.steps == [OLD, Store(1, 1, b"x"), Mkdir("d")]


def test_a_mapping_that_nobody_looked_at_is_refused(tmp_path: Path) -> None:
    """What strace writes to a file, and not to a `StraceLog`, shows no stores."""
    from tornwrite.faults.strace_follow import Follower
    from tornwrite.faults.strace_names import Names
    from tornwrite.faults.strace_parse import parse

    ran = run(tmp_path, "")
    root = str(tmp_path / "root")
    path = "".join(f"\\x{byte:02x}" for byte in f"{root}/old".encode())
    lines = [
        f'5 openat(-100<\\x2f>, "{path}", 0x2, 0) = 3<{path}>\n',
        f"5 mmap(NULL, 10, 0x3, 0x1, 3<{path}>, 0) = 0x7f0000000000\n",
        "5 +++ exited with 0 +++\n",
    ]
    with pytest.raises(UnknownStep, match=r"mmap of old by process 5, .* nobody looked"):
        Follower(Names(root, ran.base), root).follow(parse(line.encode() for line in lines))
