"""How a file is written so that it survives a crash: the few steps that matter, in their order.

Usable on its own. To replace a file, or to make a new one::

    write_file_durably("settings.json", data)

which is, step by step:

1. write the new bytes to a file beside the old one, never over it: a crash in the middle of an
   overwrite leaves a mixture;
2. `fsync` that file: a rename can reach the disk before the data of the renamed file does, and
   the file is then empty or short (Pillai et al., "All File Systems Are Not Created Equal", OSDI
   2014; the auto_da_alloc paragraph of the kernel's Documentation/admin-guide/ext4.rst);
3. `rename` it over the old name: readers see the old file or the new one (POSIX.1-2024, rename);
4. `fsync` the directory: until then the new name itself may be lost, for fsync(2) "does not
   necessarily ensure that the entry in the directory containing the file has also reached disk".

A directory that was just made is an entry of its parent, so its parent needs step 4 as well:
`make_directory_durably`.

After a failed `fsync` the kernel may have marked the pages clean without having written them: the
next `fsync` succeeds and the data is gone (Rebello et al., "Can Applications Recover from fsync
Failures?", ATC 2020). So nothing here tries the same sync twice. What failed is thrown away, and
the next attempt starts with a new file.

All calls go through the `os` module, by attribute, so that a recorder can interpose on them.
"""

import contextlib
import errno
import os
import stat

FILE_MODE = 0o644
DIRECTORY_MODE = 0o755
_SMALL_BYTES = 16_384
_OF_ONE_FILE = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENXIO,
        errno.ESPIPE,
        errno.EINVAL,
        errno.EBADMSG,
        errno.EUCLEAN,
        errno.ENODATA,
    )
)


def read_file(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it is missing or cannot be read.
    """
    descriptor = open_to_read(path)
    try:
        return read_descriptor(descriptor)
    except OSError as error:
        name_file(error, path)
        raise
    finally:
        close(descriptor)


def open_to_read(path: str) -> int:
    """A descriptor of a file. A link is not followed, and nothing that is no file waited for.

    A link in the place of a store's file leads to somebody else's: another session's, or what lies
    outside of the directory.

    Raises:
        OSError: it is missing or cannot be opened.
    """
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)


def read_descriptor(descriptor: int) -> bytes:
    """The bytes of an open file from its beginning, whatever its offset."""
    # A read that comes back short has seen the end, in a small file the first one.
    chunk = os.pread(descriptor, _SMALL_BYTES, 0)
    if len(chunk) < _SMALL_BYTES:
        return chunk
    chunks = []
    offset = 0
    ask = os.fstat(descriptor).st_size + 1
    while chunk := os.pread(descriptor, ask, offset):
        chunks.append(chunk)
        offset += len(chunk)
        if len(chunk) < ask:
            break
    return b"".join(chunks)


def close(descriptor: int) -> None:
    """Close what was synced, or only read.

    The descriptor is gone even where close(2) reports an error, and that error says nothing new:
    what was written has been synced, or has failed and is not relied on. So it neither makes an
    operation fail that is done nor hides the error that another one failed with.
    """
    with contextlib.suppress(OSError):
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all bytes at the file's offset: in one call, or more where the system takes fewer.

    Raises:
        OSError: the system refused; some of the bytes may be in the file.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        # A short write is followed by the error that made it short, if there is one (write(2)).
        more = os.write(descriptor, data[written:])
        if not more:
            raise OSError(errno.EIO, "the system wrote nothing and gave no reason")
        written += more


def write_new_file(path: str, data: bytes, *, mode: int | None = None, fresh: bool = True) -> None:
    """Write a file and sync its data. Its name is not durable before `sync_directory`.

    What a failure leaves must not be taken for written. A fresh file is emptied and keeps its name:
    the name may be on the disk already, and if the next attempt gave it to another file, a crash
    could bring this one back in its place. A file that was overwritten is removed.

    Args:
        path: the file.
        data: its bytes. None at all need no sync: an empty file is also what a lost write leaves.
        mode: permission bits to give it whatever the umask; by default 0o644 less the umask.
        fresh: the name must be free; otherwise what is there is overwritten.

    Raises:
        FileExistsError: `fresh`, and the name is taken; that file is untouched.
        OSError: the system refused.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    flags |= os.O_EXCL if fresh else os.O_TRUNC
    descriptor = os.open(path, flags, FILE_MODE if mode is None else mode)
    try:
        try:
            if mode is not None and stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
                os.fchmod(descriptor, mode)
            if data:
                write_all(descriptor, data)
                os.fsync(descriptor)
        except BaseException as error:
            name_file(error, path)
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            raise
        finally:
            close(descriptor)
    except BaseException:
        if not fresh:
            remove_if_there(path)
        raise


def replace_file(path: str, data: bytes, *, temporary: str) -> None:
    """Steps 1 to 3: a new file with its data synced, renamed over `path`.

    The change is visible at once and durable after `sync_directory`. An existing file's permission
    bits stay.

    Args:
        path: the file to replace or make.
        data: its new bytes.
        temporary: where to write them first, in the same directory. Only one writer may use this
            name at a time; what a crash left there is overwritten.

    Raises:
        OSError: the system refused; `path` is as it was.
    """
    write_new_file(temporary, data, mode=mode_of(path), fresh=False)
    try:
        os.rename(temporary, path)
    except BaseException:
        remove_if_there(temporary)
        raise


def write_file_durably(path: str, data: bytes) -> None:
    """Steps 1 to 4: replace or make a file so that it survives a crash whole, old or new.

    Args:
        path: the file. `path` + ".tmp" is used on the way: one writer at a time.
        data: its new bytes.

    Raises:
        OSError: the system refused. If only the last step failed, the new file is visible but may
            be gone after a crash.
    """
    replace_file(path, data, temporary=path + ".tmp")
    sync_directory(os.path.dirname(path) or os.curdir)


def sync_directory(directory: str) -> None:
    """Make the names in a directory durable: every create, rename and unlink done so far.

    Raises:
        OSError: the system refused; none of them can be relied on.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        name_file(error, directory)
        raise
    finally:
        close(descriptor)


def sync_data(path: str) -> None:
    """Make the data of a file durable, as it is to be seen now.

    Raises:
        OSError: the system refused; none of it can be relied on.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        name_file(error, path)
        raise
    finally:
        close(descriptor)


def make_directory_durably(directory: str) -> None:
    """Make a directory with its missing parents and make its name durable, up to the device's root.

    An existing directory is synced too: its name may be as young as this call, made by a process
    that was killed before it could sync. Ancestors that cannot be opened are left out; who made
    them had rights that we lack.

    Raises:
        OSError: the system refused.
    """
    directory = os.path.abspath(directory)
    os.makedirs(directory, mode=DIRECTORY_MODE, exist_ok=True)
    device = os.stat(directory).st_dev
    child, parent = directory, os.path.dirname(directory)
    while parent != child and os.stat(parent).st_dev == device:
        with contextlib.suppress(PermissionError):
            sync_directory(parent)
        child, parent = parent, os.path.dirname(parent)


def name_file(error: BaseException, path: str) -> None:
    """Let an error of the system say which file it was about: calls on descriptors name none."""
    if isinstance(error, OSError) and error.filename is None:
        error.filename = path


def is_no_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a directory could be meant as a file. A link could; reading it fails."""
    return not entry.is_dir(follow_symlinks=False)


def is_of_one_file(error: OSError) -> bool:
    """Whether an error says that one file cannot be read, and nothing of the others."""
    return error.errno in _OF_ONE_FILE


def remove_if_there(path: str) -> None:
    """Remove a file that nobody needs. What cannot be removed stays: it is litter, not damage."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def mode_of(path: str) -> int | None:
    """A file's permission bits, or None if there is no such file."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return None
