"""File systems that take two spellings of a name for one file.

An SD card (vfat, exFAT) does not tell case in file names, nor does a directory of ext4 made with
`casefold`, or many a network share; some do not tell the normal forms of Unicode either. There
`Chat` and `chat` are two keys and one file. Which spellings are one is for the file system to say,
so it is asked: a file that is there under a name that no listing shows is another name's file.
"""

import contextlib
import os
import unicodedata
from collections.abc import Iterable


def folded(name: str) -> str:
    """The same for all spellings that a file system may take for one; for some others, too."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).casefold()


def is_case_blind(directory: str, name: str) -> bool:
    """Whether the names of files in a directory are found in another case, too.

    Args:
        directory: one that cannot be listed is taken for one that tells case.
        name: of a file that is likely to be there, and that nobody takes away.
    """
    names = [name]
    if not os.path.lexists(os.path.join(directory, name)):
        with contextlib.suppress(OSError):
            names = os.listdir(directory)
    for one in names:
        if one.swapcase() != one:
            path, other = (os.path.join(directory, each) for each in (one, one.swapcase()))
            return _is_same(path, other)
    return False


def other_spelling(directory: str, names: Iterable[str]) -> str | None:
    """How the directory spells one of these names of files, if that is not how it is spelled here.

    Raises:
        OSError: the directory cannot be read.
    """
    there = [name for name in names if os.path.lexists(os.path.join(directory, name))]
    if not there:
        return None
    with os.scandir(directory) as entries:
        listed = {entry.name: entry.path for entry in entries}
    for name in there:
        if name not in listed:
            path = os.path.join(directory, name)
            return next((one for one in listed if _is_same(listed[one], path)), name)
    return None


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.lstat(other))
    except OSError:
        return False
