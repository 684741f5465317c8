"""Names and directories as Go's os and path/filepath treat them. Never repaired: see the package.

Not ported: a name that holds a NUL byte or half a surrogate pair is a ValueError here, where Go
gives the system's "invalid argument" or has no such string.
"""

import errno
import os


def join(directory: str, name: str) -> str:
    """As filepath.Join: one path, cleaned; `..` in the name leads out of the directory."""
    return os.path.normpath(f"{directory}/{name}" if directory else name)


def read_directory(directory: str) -> list[os.DirEntry[str]]:
    """The entries in the order of their names' bytes. Raises OSError."""
    with os.scandir(directory) as listing:
        return sorted(listing, key=lambda entry: os.fsencode(entry.name))


def remove(path: str) -> None:
    """Remove a file or an empty directory, as os.Remove finds out which it is. Raises OSError."""
    try:
        os.unlink(path)
    except OSError as not_unlinked:
        try:
            os.rmdir(path)
        except OSError as not_removed:
            if not_removed.errno != errno.ENOTDIR:
                raise not_removed from None
            raise not_unlinked from None
