"""The import of legacy session files. It may be cut off anywhere and repeated any number of times.

Each file `NAME.json` is imported by one rewrite of its session, whose metadata also records the
digest of the file's bytes, and is then renamed to `NAME.json.migrated`. Where the digest is found,
only the rename is left to do.
"""

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tornwrite.reference import durable
from tornwrite.reference.durable.errors import StoreClosed, StoreError
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.legacy import LegacySession, NotLegacy, decode_legacy
from tornwrite.reference.jsonl.metadata import Metadata, decode_metadata
from tornwrite.reference.jsonl.replacing import live_lines
from tornwrite.reference.jsonl.sessions import SessionDirectory
from tornwrite.reference.jsonl.store import JSONLStore
from tornwrite.reference.jsonl.writing import SessionWriter

_SUFFIX = ".json"
_BACKUP_SUFFIX = ".migrated"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration did, by file name.

    Attributes:
        migrated: imported now.
        already: imported before; only the rename was left to do.
        not_legacy: other `.json` files with the reason, left alone. Metadata files of sessions
            are not mentioned.
        failed: legacy files that could not be imported or renamed, with the reason. Try again.
    """

    migrated: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    not_legacy: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def migrate_legacy(
    store: JSONLStore, directory: str | os.PathLike[str] | None = None
) -> MigrationReport:
    """Import the legacy files of a directory in the order of their names.

    A session that exists already gets the legacy messages before its own; its summary stays unless
    it is empty. Originals stay as `NAME.json.migrated`, or with a number after that if the name is
    taken.

    Args:
        store: where the sessions go.
        directory: where the legacy files are; by default the store's own. A missing one holds none.

    Returns:
        What became of each file. One that fails does not keep the others from being imported.

    Raises:
        StoreClosed: the store was closed.
        OSError: the directory cannot be read, or the renames could not be made durable. Sessions
            imported by then are durable, and repeating the migration is safe.
    """
    # The reference package is one library: this is the store's other half.
    sessions = store._sessions
    source = sessions.path if directory is None else os.path.abspath(os.fspath(directory))
    sessions.check_open()
    report = MigrationReport()
    with sessions.locks.migration():
        found = _file_names(source)
        # A process that was killed before this sync may have left its backups' names undurable.
        renamed = any(_SUFFIX + _BACKUP_SUFFIX in name for name in found)
        for name in found:
            if name.endswith(_SUFFIX):
                path = os.path.join(source, name)
                report, moved = _migrate_file(sessions, path, report)
                renamed = renamed or moved
        if renamed:
            durable.sync_directory(source)
    return report


def _file_names(directory: str) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())
    except FileNotFoundError:
        return []


def _migrate_file(
    sessions: SessionDirectory, path: str, report: MigrationReport
) -> tuple[MigrationReport, bool]:
    """Import and rename one file; gives the report with it, and whether it was renamed."""
    name = os.path.basename(path)
    try:
        raw = durable.read_file(path)
        legacy = decode_legacy(raw)
    except NotLegacy as error:
        if _is_metadata(name, raw):
            return report, False
        _logger.warning("%s is no legacy session and stays as it is: %s", name, error)
        return replace(report, not_legacy=(*report.not_legacy, (name, str(error)))), False
    except OSError as error:
        return _with_failure(report, name, error), False
    key = legacy.key or name.removesuffix(_SUFFIX)
    try:
        is_new = _import(sessions, key, legacy, hashlib.sha256(raw).hexdigest())
        os.rename(path, _free_backup(path))
    except StoreClosed:
        raise
    except (OSError, StoreError) as error:
        return _with_failure(report, name, error), False
    if is_new:
        return replace(report, migrated=(*report.migrated, name)), True
    return replace(report, already=(*report.already, name)), True


def _import(sessions: SessionDirectory, key: str, legacy: LegacySession, digest: str) -> bool:
    """Put a legacy session's content before the session's own; False if it was there already."""
    with sessions.session_to_write(key) as (found, shard):
        writer = SessionWriter(sessions, found, shard)
        session = writer.session
        if digest in session.metadata.migrated_from:
            return False
        lines = session.read_lines()
        own = live_lines(session, lines)
        is_new = not session.exists(lines)
        # By the original program, perhaps, which leaves no mark and may have been cut off.
        is_imported = _begins_with(lines.messages(), legacy)
        older = [] if is_imported else legacy.lines
        metadata = writer.next_metadata()
        metadata = replace(
            metadata,
            summary=metadata.summary or legacy.summary,
            skip=0,
            count=len(older) + len(own),
            created_at=(legacy.created if is_new else None) or metadata.created_at,
            updated_at=(legacy.updated if is_new else None) or metadata.updated_at,
            migrated_from=(*metadata.migrated_from, digest),
        )
        writer.keep_damaged(lines)
        # Never the mark without the messages: the new file's name must be durable first.
        writer.rewrite(b"".join([*older, *own]), metadata, says_more=bool(legacy.lines))
        return not is_imported


def _begins_with(
    numbered: Iterator[tuple[bytes, dict[str, object] | None]], legacy: LegacySession
) -> bool:
    own = [message for (_, message), _ in zip(numbered, legacy.messages, strict=False)]
    return bool(own) and own == list(legacy.messages)


def _is_metadata(name: str, raw: bytes) -> bool:
    return name.endswith(names.METADATA_SUFFIX) and isinstance(decode_metadata(raw), Metadata)


def _free_backup(path: str) -> str:
    backup = path + _BACKUP_SUFFIX
    number = 0
    while os.path.lexists(backup):
        number += 1
        backup = f"{path}{_BACKUP_SUFFIX}.{number}"
    return backup


def _with_failure(report: MigrationReport, name: str, error: Exception) -> MigrationReport:
    _logger.warning("could not migrate %s: %s", name, error)
    return replace(report, failed=(*report.failed, (name, str(error))))
