"""The same run seen from inside and from outside: both recorders must tell the same."""

import os
import sys
from pathlib import Path

import pytest

from tornwrite.faults.agreement import compare
from tornwrite.faults.steps import Step
from tornwrite.faults.strace import probe_strace, run_strace
from tornwrite.faults.trace import load

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)

FRAME = """
import os, sys
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.trace import save

def work():
{body}

with Recorder(os.getcwd()) as recorder:
    work()
save(recorder.trace(), sys.argv[1])
"""

PROGRAMS = {
    "os calls": """
f = os.open('a', os.O_RDWR | os.O_CREAT); os.write(f, b'abc'); os.lseek(f, 1, 0)
os.read(f, 1); os.write(f, b'X'); os.pwrite(f, b'P', 9); os.write(f, b'')
os.writev(f, [b'1', b'2'])
os.ftruncate(f, 5); os.fsync(f); os.fdatasync(f); os.close(f); os.truncate('a', 2); os.sync()
""",
    "appending": """
with open('old', 'ab') as f: f.write(b'x'); f.flush(); os.fsync(f.fileno()); f.write(b'y')
with open('old', 'a+', encoding='utf-8') as f: f.seek(0); f.read(2); f.write('ü')
f = os.open('old', os.O_WRONLY | os.O_APPEND | os.O_DSYNC); os.write(f, b'z'); os.pwrite(f, b'p', 1)
""",
    "updating": """
with open('old', 'r+b') as f: f.read(2); f.write(b'AB'); f.seek(0, 2); f.write(b'C'); f.truncate(5)
with open('old', 'r+', encoding='utf-8') as f: f.readline(); f.seek(0); f.write('text')
with open('old', 'r+b', buffering=0) as f: f.write(b'raw'); f.seek(1); f.write(b'RAW')
""",
    "replacing a file the safe way": """
import json, tempfile
for number in range(3):
    with tempfile.NamedTemporaryFile('w', dir='.', delete=False, encoding='utf-8') as f:
        json.dump({'number': number, 'long': 'x' * 20000}, f); f.flush(); os.fsync(f.fileno())
    os.replace(f.name, 'data.json')
    d = os.open('.', os.O_RDONLY); os.fsync(d); os.close(d)
""",
    "many small prints": """
with open('log', 'w', encoding='utf-8', buffering=1) as f:
    for number in range(30): print('line', number, file=f)
""",
    "descriptors": """
import fcntl
f = os.open('a', os.O_WRONLY | os.O_CREAT); g = os.dup(f); os.dup2(f, 60)
h = fcntl.fcntl(f, fcntl.F_DUPFD, 50); os.write(g, b'x'); os.close(f); os.write(60, b'y')
b = os.open('b', os.O_WRONLY | os.O_CREAT | os.O_TRUNC); os.dup2(b, h); os.write(h, b'z')
os.close(g); os.close(60); os.closerange(b, b + 1); os.close(h)
with open(os.open('c', os.O_WRONLY | os.O_CREAT), 'wb') as f: f.write(b'c')
""",
    "names": """
import shutil
os.makedirs('d/e'); os.link('old', 'd/h'); os.symlink('old', 'd/s'); os.rename('d/h', 'd/i')
os.mkdir('sub/x'); fd = os.open('sub', os.O_RDONLY)
os.rename('x', 'y', src_dir_fd=fd, dst_dir_fd=fd)
g = os.open('f', os.O_WRONLY | os.O_CREAT, dir_fd=fd); os.write(g, b'x'); os.close(g)
os.unlink('f', dir_fd=fd); os.fsync(fd); os.removedirs('sub/y'); shutil.rmtree('d')
""",
    "links": """
os.symlink('sub', 'l'); open('l/f', 'w').close(); os.symlink('sub/f', 'm')
with open('m', 'a') as f: f.write('through')
os.chdir('l'); os.rename('f', '../g'); os.unlink('../m'); os.rmdir('../sub')
""",
    "pathlib": """
from pathlib import Path
p = Path('p'); p.write_text('one'); p.write_bytes(b'two'); p.touch(); Path('q').touch()
p.rename('r'); Path('r').replace('q'); Path('h').hardlink_to('q'); Path('s').symlink_to('q')
Path('s').write_text('x'); Path('z').mkdir(); Path('z').rmdir(); Path('q').unlink(missing_ok=True)
Path('none').unlink(missing_ok=True)
""",
    "calls that fail": """
import contextlib
for call in (lambda: open('none/a', 'w'), lambda: os.unlink('none'), lambda: os.mkdir('sub'),
             lambda: os.open('old', os.O_CREAT | os.O_EXCL), lambda: os.rename('none', 'a'),
             lambda: os.rmdir('old'), lambda: os.link('none', 'a'), lambda: open('sub', 'w')):
    with contextlib.suppress(OSError): call()
""",
    "modules of the standard library": """
import csv, dbm.dumb, gzip, logging, pickle, shelve, zipfile
with gzip.open('g', 'wb') as f: f.write(b'x' * 1000)
with zipfile.ZipFile('z', 'w') as f: f.writestr('a', 'one'); f.writestr('b', 'two')
with zipfile.ZipFile('z', 'a') as f: f.writestr('c', 'three')
with open('c', 'w', newline='') as f: csv.writer(f).writerows([[1, 2], [3, 4]])
with open('p', 'wb') as f: pickle.dump(list(range(1000)), f)
with dbm.dumb.open('db', 'c') as db: db['k'] = 'v'; db['k'] = 'w' * 600; del db['k']
handler = logging.FileHandler('log'); handler.emit(logging.makeLogRecord({'msg': 'hello'}))
handler.close()
""",
    "threads that take turns": """
import threading
lock = threading.Lock()
def run(name):
    for number in range(5):
        with lock:
            with open('shared', 'ab') as f: f.write(name + b'%d' % number)
threads = [threading.Thread(target=run, args=(name,)) for name in (b'a', b'b', b'c')]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
""",
    "a mapped file": """
import mmap
f = os.open('a', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 10000); m = mmap.mmap(f, 10000)
os.close(f); m[0:3] = b'abc'; m[4090:4100] = b'0123456789'; m.flush(); m[5:7] = b'yz'
os.mkdir('x'); m[5:7] = b'YZ'; m.flush(4096, 4096); m[9999] = 1; m.resize(12000); m[11000] = 5
os.rename('a', 'b')
with open('b', 'r+b') as g: g.seek(3); g.write(b'W' * 10); g.flush(); m[4] = 0; g.truncate(5000)
m[4097] = 9; m.close()
""",
    "files mapped in other ways": """
import mmap
with open('old', 'r+b') as f:
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_WRITE) as m: m[2:4] = b'!!'
    f.seek(0); f.truncate(3)
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY) as m: m[0:1] = b'-'
    with mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m: m.flush()
m = mmap.mmap(-1, 100); m[0:2] = b'aa'
with open('old', 'r+b') as f: m = mmap.mmap(f.fileno(), 0); n = mmap.mmap(f.fileno(), 0)
m[0:1] = b'q'; n[1:2] = b'r'; del m; n.close()
f = os.open('big', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 3 * mmap.PAGESIZE)
with mmap.mmap(f, mmap.PAGESIZE, offset=mmap.PAGESIZE) as m: m[1:2] = b'x'; m.flush(0, 10)
""",
    "a mapped file removed and replaced": """
import mmap
f = os.open('a', os.O_RDWR | os.O_CREAT); os.write(f, b'1' * 5000); m = mmap.mmap(f, 0); os.close(f)
os.unlink('a'); m[0:1] = b'-'; open('a', 'w').close(); m[1:2] = b'+'; m.flush(); m.close()
""",
    "files without a name": """
import tempfile
f = os.open('sub', os.O_TMPFILE | os.O_RDWR, 0o600); os.write(f, b'x' * 5000); os.fsync(f)
os.link(f'/proc/self/fd/{f}', 'sub/n', src_dir_fd=0); os.write(f, b'more')
os.link(f'/proc/self/fd/{f}', 'second', src_dir_fd=0); os.close(f)
with tempfile.TemporaryFile(dir='.') as g: g.write(b'scratch')
""",
    "copies in the kernel": """
import shutil
shutil.copyfile('old', 'c'); shutil.copy2('old', 'sub/d')
f = os.open('old', os.O_RDONLY); g = os.open('e', os.O_WRONLY | os.O_CREAT); os.read(f, 2)
os.copy_file_range(f, g, 3); os.sendfile(g, f, 1, 4); os.copy_file_range(f, g, 2, 0, 20)
h = os.dup(f); os.lseek(h, 1, os.SEEK_CUR); os.copy_file_range(f, g, 100); os.close(g); os.close(f)
os.posix_fallocate(os.open('e', os.O_WRONLY), 0, 100)
g = os.open('/etc/passwd', os.O_RDONLY); os.sendfile(os.open('e', os.O_WRONLY), g, 0, 5)
""",
    "files read only": """
with open('old') as f: f.read(); os.fsync(f.fileno())
f = os.open('old', os.O_RDONLY | os.O_CREAT); os.read(f, 2); os.fsync(f); os.close(f)
os.close(os.open('old', os.O_RDONLY | os.O_TRUNC)); d = os.open('..', os.O_RDONLY); os.fsync(d)
""",
}


def both(folder: Path, work: str, after: str = "") -> tuple[list[Step], list[Step]]:
    """What is recorded inside and outside of a program that works in a directory of `folder`, where
    old (b"0123456789") and the directory sub are. `after` runs unseen by the inner recorder.
    """
    root, trace = folder / "root", folder / "trace"
    (root / "sub").mkdir(parents=True)
    (root / "old").write_bytes(b"0123456789")
    body = "\n".join("    " + line for line in work.strip().splitlines())
    program = FRAME.format(body=body) + after
    outside = run_strace([sys.executable, "-I", "-c", program, os.fspath(trace)], root, cwd=root)
    assert outside.status == 0, outside.errors.decode()
    inside = load(trace)
    assert inside.base == outside.base
    return inside.steps, outside.steps


@pytest.mark.parametrize("name", PROGRAMS)
def test_both_recorders_tell_the_same(name: str, tmp_path: Path) -> None:
    inside, outside = both(tmp_path, PROGRAMS[name])
    assert [str(one) for one in compare(inside, outside)] == []
    assert bool(outside) == (name != "calls that fail")


def test_what_one_recorder_misses_is_told(tmp_path: Path) -> None:
    inside, outside = both(tmp_path, "os.mkdir('a')", after="os.rmdir('a')")
    assert [str(one) for one in compare(inside, outside)] == [
        'step 1: in-process has no more steps, strace has "rmdir a"'
    ]
