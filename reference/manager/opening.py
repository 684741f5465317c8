"""What a session manager finds in its directory when it opens it."""

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tornwrite.reference.durable import files
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.errors import KeyRefused
from tornwrite.reference.durable.names import check_key
from tornwrite.reference.durable.times import normal_time
from tornwrite.reference.jsonl.legacy import (
    LEGACY_SUFFIX,
    LegacySession,
    NotLegacy,
    decode_legacy,
    session_key,
)
from tornwrite.reference.jsonl.merging import SavedSession, merge
from tornwrite.reference.jsonl.metadata import Metadata, decode_metadata
from tornwrite.reference.jsonl.names import METADATA_SUFFIX
from tornwrite.reference.manager.names import file_names, plain_name
from tornwrite.reference.manager.session import KeptSession, Place

# No session's file, whoever reads it: a directory, a link, a socket, a pipe.
_OF_OTHER_KINDS = frozenset((errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ESPIPE))


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that holds a session, with the key it is for."""

    key: str
    legacy: LegacySession
    place: Place


@dataclass(frozen=True, slots=True)
class Files:
    """The `.json` files of a directory. The metadata of the JSONL store is left aside.

    Attributes:
        found: those that hold a session.
        damage: what is wrong with the others.
        unread: what is wrong with those among them that may hold a session, by name: nobody knows.
    """

    found: list[FoundFile] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    unread: dict[str, Damage] = field(default_factory=dict)

    def unread_of(self, key: str, chosen: FoundFile | None) -> Damage | None:
        """Why a key's own file could not be read; None if that is not so.

        Args:
            key: the session's.
            chosen: the file that is used for it. With a name that no other key has it is the
                session, and the plain name is another key's.
        """
        # The original program would give it its plain name even where this one does not.
        plain, of_no_other = plain_name(key) + LEGACY_SUFFIX, file_names(key)[-1]
        is_of_another = chosen is not None and chosen.place.name == of_no_other
        own = (of_no_other,) if is_of_another else (plain, of_no_other)
        return next((self.unread[name] for name in own if name in self.unread), None)


def find_files(directory: str) -> Files:
    """Every session's file in a directory, and what is wrong with the other `.json` files.

    Raises:
        OSError: the directory cannot be read.
    """
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries)
    seen = Files()
    for name in names:
        if name.endswith(LEGACY_SUFFIX):
            match _look_at(directory, name, seen.unread):
                case FoundFile() as file:
                    seen.found.append(file)
                case Damage() as wrong:
                    seen.damage.append(wrong)
    return seen


def choose_files(
    found: list[FoundFile], beside: Mapping[str, SavedSession]
) -> tuple[dict[str, FoundFile], list[Damage]]:
    """One file for each key, and word of the others.

    One that the JSONL store has imported already counts for nothing. One that has a name of the
    key's own is better than a copy with any other name. If both of the key's names are taken, by a
    session that was saved under the second while the first could not be read, or by the original
    program after that, it is the one that was updated last.
    """
    chosen: dict[str, FoundFile] = {}
    damage: list[Damage] = []
    for file in sorted(found, key=lambda file: _rank(file, beside)):
        if (better := chosen.setdefault(file.key, file)) is file:
            continue
        if not _is_imported(file, beside):
            detail = f"holds session {file.key!r} too, which {better.place.name} is used for"
            damage.append(Damage(DamageKind.FILE, file.place.name, None, detail))
    return chosen, damage


def kept_session(
    key: str, file: FoundFile | None, own: SavedSession | None, now: str
) -> KeptSession:
    """The session that a file and the JSONL store hold together.

    Args:
        key: the session's.
        file: its file, if there is one.
        own: what the JSONL store holds of it, if that is to be in it.
        now: RFC 3339; for the times if neither says them.
    """
    kept = KeptSession(key, created=now, updated=now)
    if file is not None:
        kept.place, kept.unknown = file.place, file.legacy.unknown
    pending = None if file is None or (own is not None and _in(file, own)) else file.legacy
    if own is not None:
        kept.holds, kept.imported = own.as_held, own.imported
        kept.created, kept.updated = own.created or now, normal_time(own.updated) or now
        kept.lines, kept.summary = list(own.live), own.summary
    if pending is not None:
        merged = merge(pending, own or SavedSession())
        kept.lines, kept.summary = [*merged.older, *merged.own], merged.summary
        kept.created = pending.created or pending.updated or kept.created
        kept.updated = pending.updated or kept.updated
        if own is None:
            kept.holds = pending.holds
    return kept


def _look_at(directory: str, name: str, unread: dict[str, Damage]) -> FoundFile | Damage | None:
    try:
        raw = files.read_file(os.path.join(directory, name))
    except FileNotFoundError:
        return None  # another process has migrated it meanwhile
    except OSError as error:
        wrong = Damage(DamageKind.FILE, name, None, f"cannot be read: {error.strerror or error}")
        if error.errno not in _OF_OTHER_KINDS:
            unread[name] = wrong
        return wrong
    try:
        return understand(name, raw)
    except (NotLegacy, KeyRefused) as error:
        if name.endswith(METADATA_SUFFIX) and isinstance(decode_metadata(raw), Metadata):
            return None
        return Damage(DamageKind.FILE, name, None, f"is no session's file: {error}")


def understand(name: str, raw: bytes) -> FoundFile:
    """A session's file.

    Args:
        name: of the file.
        raw: its bytes.

    Raises:
        NotLegacy: it is something else.
        KeyRefused: its key can be no session's.
    """
    legacy = decode_legacy(raw)
    key = check_key(session_key(name, legacy))
    return FoundFile(key, legacy, Place(name, digest_of(raw)))


def digest_of(raw: bytes) -> str:
    """Hexadecimal SHA-256: what tells one version of a file from another."""
    return hashlib.sha256(raw).hexdigest()


def _rank(file: FoundFile, beside: Mapping[str, SavedSession]) -> tuple[bool, bool, int, int, str]:
    """Smaller is better."""
    own = file_names(file.key)
    order = own.index(file.place.name) if file.place.name in own else len(own)
    is_elsewhere = order == len(own)
    age = -_age(file.legacy.updated)
    return _is_imported(file, beside), is_elsewhere, age, order, file.place.name


def _age(updated: str | None) -> int:
    return int("".join(filter(str.isdigit, updated))) if updated else 0


def _is_imported(file: FoundFile, beside: Mapping[str, SavedSession]) -> bool:
    own = beside.get(file.key)
    return own is not None and _in(file, own)


def _in(file: FoundFile, own: SavedSession) -> bool:
    return file.place.digest in own.imported
