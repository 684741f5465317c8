"""The system calls as they are underneath: the recorder's own work goes through these names.

Taken when this module is first imported, so before any recorder can have replaced them.
"""

import fcntl as _fcntl
import io as _io
import mmap as _mmap
from os import (
    close,
    closerange,
    copy_file_range,
    dup,
    dup2,
    fdatasync,
    fsync,
    ftruncate,
    link,
    lseek,
    mkdir,
    mkfifo,
    mknod,
    open,  # noqa: A004 - the system call is meant
    posix_fallocate,
    pread,
    preadv,
    pwrite,
    pwritev,
    read,
    readlink,
    readv,
    remove,
    rename,
    replace,
    rmdir,
    sendfile,
    splice,
    symlink,
    sync,
    truncate,
    unlink,
    write,
    writev,
)

FileIO = _io.FileIO
mmap = _mmap.mmap
fcntl = _fcntl.fcntl
ioctl = _fcntl.ioctl
io_open = _io.open

__all__ = [
    "FileIO",
    "close",
    "closerange",
    "copy_file_range",
    "dup",
    "dup2",
    "fcntl",
    "fdatasync",
    "fsync",
    "ftruncate",
    "io_open",
    "ioctl",
    "link",
    "lseek",
    "mkdir",
    "mkfifo",
    "mknod",
    "mmap",
    "open",
    "posix_fallocate",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "read",
    "readlink",
    "readv",
    "remove",
    "rename",
    "replace",
    "rmdir",
    "sendfile",
    "splice",
    "symlink",
    "sync",
    "truncate",
    "unlink",
    "write",
    "writev",
]
