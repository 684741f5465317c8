"""How a session is saved: whole, beside its file, then renamed into place."""

import os

from tornwrite.reference.durable import files
from tornwrite.reference.durable.directory import StoreDirectory
from tornwrite.reference.durable.errors import ChangeNotUndone, KeyRefused
from tornwrite.reference.jsonl.legacy import NotLegacy
from tornwrite.reference.manager.names import file_names, temporary_name
from tornwrite.reference.manager.opening import digest_of, understand
from tornwrite.reference.manager.session import ChangedElsewhere, KeptSession, Place
from tornwrite.reference.manager.whole_file import encode_session


def save_session(directory: StoreDirectory, session: KeptSession, place: Place | None) -> Place:
    """Write a session's file.

    It becomes visible before it is durable.

    Args:
        directory: where it is, locked for the session's key.
        session: what to write.
        place: its file as it was read or saved last; None if it had none.

    Returns:
        Its file now.

    Raises:
        ChangedElsewhere: the file is another one by now.
        KeyRefused: every name for it is taken.
        OSError: nothing was changed.
    """
    name = _free_name(directory.path, session.key) if place is None else place.name
    if place is not None:
        _check_unchanged(directory.path, place)
    raw = _unlike(session.imported, encode_session(session))
    temporary = os.path.join(directory.path, temporary_name(session.key))
    files.replace_file(os.path.join(directory.path, name), raw, temporary=temporary)
    return Place(name, digest_of(raw))


def settle(directory: StoreDirectory, place: Place) -> None:
    """Make a session's file durable by its name.

    Raises:
        ChangeNotUndone: the session as it was saved is visible, but a crash may take it.
    """
    try:
        files.sync_directory(directory.path)
    except OSError as error:
        path = os.path.join(directory.path, place.name)
        visible = "the session is saved, but not so that it survives a crash; save it again"
        raise ChangeNotUndone(error, path, visible) from error


def _check_unchanged(directory: str, place: Place) -> None:
    try:
        raw = files.read_file(os.path.join(directory, place.name))
    except FileNotFoundError:
        raise ChangedElsewhere(
            f"{place.name} in {directory} is gone: another process has migrated or removed the "
            "session; open the directory anew"
        ) from None
    if digest_of(raw) != place.digest:
        raise _changed(directory, place.name)


def _changed(directory: str, name: str) -> ChangedElsewhere:
    return ChangedElsewhere(
        f"{name} in {directory} is not as it was last read or saved here: another process has "
        "changed the session; it was left as it is, open the directory anew"
    )


def _free_name(directory: str, key: str) -> str:
    for name in file_names(key):
        try:
            raw = files.read_file(os.path.join(directory, name))
        except FileNotFoundError:
            return name
        except OSError:
            continue  # whatever it is, it is not ours to overwrite
        try:
            owner = understand(name, raw).key
        except (NotLegacy, KeyRefused):
            continue
        if owner == key:
            raise _changed(directory, name)
    raise KeyRefused(f"no file name is left for session key {key!r}: {name} is something else's")


def _unlike(imported: tuple[str, ...], raw: bytes) -> bytes:
    # A migration knows by their bytes which files it has imported.
    while digest_of(raw) in imported:
        raw += b"\n"
    return raw
