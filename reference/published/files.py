"""The published stores' system calls on whole files. Never repaired: see the package.

Every call is looked up on `os` when it is made, so that a recorder can stand in between.
"""

import contextlib
import itertools
import os


def read_file(path: str) -> bytes:
    """The whole content. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        pieces: list[bytes] = []
        while piece := os.read(descriptor, 64 * 1024):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def write_file(path: str, data: bytes) -> None:
    """Make or empty the file, write, close it; nothing is synced. Raises OSError.

    As Go's os.WriteFile: what was in the file is gone before the new content is there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(descriptor, data)
    except Exception:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise
    os.close(descriptor)


def append_whole(path: str, data: bytes, *, create: bool) -> None:
    """Append in one write and close, whatever closing says; nothing is synced. Raises OSError."""
    flags = os.O_CREAT if create else 0
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | flags, 0o644)
    try:
        write_all(descriptor, data)
    finally:
        # A deferred Close, whose error nobody looks at.
        with contextlib.suppress(OSError):
            os.close(descriptor)


def append_durably(path: str, data: bytes) -> None:
    """Append in one write, sync the file, close it. Raises OSError.

    Flaws of the original: it does not look whether the file ends in a newline, a failed write
    leaves its part behind, and the name of a new file is never synced.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    except Exception:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise
    os.close(descriptor)


def write_file_atomic(path: str, data: bytes) -> None:
    """Replace a file: temporary file beside it, write, sync, mode, close, rename, sync of the
    directory. Raises OSError.

    The store's comments call this "temp + fsync + rename". The helper in the project's public
    repository ends in a sync of the directory, whose failure it ignores; so does this one, that no
    finding may rest on a step that only the description leaves out.
    """
    descriptor, temporary = create_temporary(os.path.dirname(path))
    is_open = True
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
        os.fchmod(descriptor, 0o644)
        is_open = False
        os.close(descriptor)
        os.rename(temporary, path)
        _sync_directory(os.path.dirname(path))
    except Exception:  # A kill simulated by a BaseException must leave the file, as a real one.
        if is_open:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _sync_directory(directory: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def create_temporary(
    directory: str,
    *,
    prefix: str = ".tmp-",
    suffix: str = "",
    flags: int = os.O_WRONLY,
    mode: int = 0o644,
) -> tuple[int, str]:
    """Create a file that is not there yet; its open descriptor and its path. Raises OSError."""
    # The original's names hold process and time, or chance. Ours must be the same in every run, but
    # like those never meet a leftover (it stays, the next number is taken), are short whatever the
    # target is called, and do not end in .json, which the migration would take for a session.
    for number in itertools.count():
        temporary = os.path.join(directory, f"{prefix}{number}{suffix}")
        try:
            return os.open(temporary, flags | os.O_CREAT | os.O_EXCL, mode), temporary
        except FileExistsError:
            continue
    raise AssertionError("numbers do not end")


def write_all(descriptor: int, data: bytes) -> None:
    """Write the whole. Raises OSError."""
    # One call, even for nothing, unless the system takes a part: then File.Write sends the rest.
    rest = memoryview(data)
    while True:
        written = os.write(descriptor, rest)
        rest = rest[written:]
        if not rest:
            return
        if written == 0:
            raise OSError("write returned zero")
