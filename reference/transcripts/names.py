"""The names of a transcript store's files."""

from tornwrite.reference.durable.directory import TEMPORARY_SUFFIX
from tornwrite.reference.durable.errors import KeyRefused
from tornwrite.reference.durable.names import file_name_of, id_of

DATA_SUFFIX = ".jsonl"
INDEX_NAME = ".index"
_LONGEST_SUFFIX = DATA_SUFFIX + TEMPORARY_SUFFIX


def data_file(identifier: object) -> str:
    """The name of a transcript's file.

    Raises:
        KeyRefused: the id is no string, has no UTF-8 form, or is too long for a file name.
    """
    return file_name_of(identifier, _LONGEST_SUFFIX, "transcript id") + DATA_SUFFIX


def id_of_file(name: str) -> str | None:
    """The id of the transcript whose file has this name; None if no transcript's has."""
    identifier = id_of(name.removesuffix(DATA_SUFFIX)) if name.endswith(DATA_SUFFIX) else None
    if identifier is None:
        return None
    try:
        # What could not be opened by its id is not listed under it either.
        return identifier if data_file(identifier) == name else None
    except KeyRefused:
        return None


def is_leftover(name: str) -> bool:
    """Whether a file of this name was left by a writer that was killed."""
    target = name.removesuffix(TEMPORARY_SUFFIX)
    return target != name and (target == INDEX_NAME or id_of_file(target) is not None)
