"""The import of legacy session files. It may be cut off anywhere and repeated any number of times.

Each file `NAME.json` is imported by one rewrite of its session, whose metadata also records the
digest of the file's bytes, and is then renamed to `NAME.json.migrated`. Where the digest is found,
only the rename is left to do.
"""

import errno
import hashlib
import logging
import os
import re
from dataclasses import dataclass, replace

from tornwrite.reference import durable
from tornwrite.reference.durable.damage import Damage, log_damage
from tornwrite.reference.durable.errors import StoreClosed, StoreError
from tornwrite.reference.durable.json_lines import sealed_line
from tornwrite.reference.durable.names import printable
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.legacy import (
    LEGACY_SUFFIX,
    DamagedLegacy,
    LegacySession,
    NotLegacy,
    decode_legacy,
    session_key,
)
from tornwrite.reference.jsonl.merging import merge, saved_session
from tornwrite.reference.jsonl.metadata import Metadata, decode_metadata
from tornwrite.reference.jsonl.sessions import SessionDirectory
from tornwrite.reference.jsonl.store import JSONLStore
from tornwrite.reference.jsonl.writing import SessionWriter

_BACKUP_SUFFIX = ".migrated"
_HASHED = re.compile(r"~[0-9a-f]{32}\.json\Z")
_A_FOLDER = "a directory in the place of a session's file, left as it is"
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
        damaged: legacy files that are not as they were written, or are none, with the reason: they
            were left alone. And what is wrong with files of sessions that others were imported
            into: what of it was to be overwritten was kept aside.
    """

    migrated: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    not_legacy: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()


def migrate_legacy(
    store: JSONLStore, directory: str | os.PathLike[str] | None = None
) -> MigrationReport:
    """Import the legacy files of a directory.

    A session that exists already gets the legacy messages before its own; its summary stays unless
    it is empty. Where a file says which of the session's own messages it holds, those count once,
    and its summary is the newer one. Originals stay as `NAME.json.migrated`, or with a number after
    that if the name is taken.

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
    path = sessions.path if directory is None else os.path.abspath(os.fspath(directory))
    sessions.check_open()
    report = MigrationReport()
    with sessions.locks.migration():
        found, folders = _file_names(path)
        wrong = tuple((name, _A_FOLDER) for name in folders if name.endswith(LEGACY_SUFFIX))
        for name, reason in wrong:
            _logger.warning("%s: %s", printable(name), reason)
        report = replace(report, damaged=wrong)
        # A process that was killed before this sync may have left its backups' names undurable.
        renamed = any(LEGACY_SUFFIX + _BACKUP_SUFFIX in name for name in found)
        source = _Source(path, [name for name in found if name.endswith(LEGACY_SUFFIX)])
        for name in source.in_order():
            report, moved = _migrate_file(sessions, source, name, report)
            renamed = renamed or moved
        if renamed:
            durable.sync_directory(path)
    return report


class _Source:
    """The directory that legacy files are imported from.

    A session manager may be at work on it, or have been killed there.
    """

    def __init__(self, path: str, names: list[str]) -> None:
        self.path = path
        self._names = names

    def in_order(self) -> list[str]:
        """The order to import in, the first file of a key being the newest.

        For each one's messages come before what was imported until then. Which messages a file
        holds can only be told before anything else is. And a session manager takes a hashed name
        where the plain one cannot be read: what it finds there later is older.
        """
        return sorted(
            self._names, key=lambda name: (not self._may_hold(name), not _HASHED.search(name), name)
        )

    def read(self, name: str) -> bytes:
        return durable.read_file(os.path.join(self.path, name))

    def move_to_backup(self, name: str) -> None:
        path = os.path.join(self.path, name)
        os.rename(path, _free_backup(path))

    def _may_hold(self, name: str) -> bool:
        if name.endswith(names.METADATA_SUFFIX):
            return False
        try:
            return b'"holds"' in self.read(name)
        except OSError:
            return False  # its import will say so


def _file_names(directory: str) -> tuple[list[str], list[str]]:
    """The names of the files in a directory, and those of the directories in it."""
    try:
        with os.scandir(directory) as entries:
            is_file = {entry.name: durable.is_no_folder(entry) for entry in entries}
    except FileNotFoundError:
        return [], []
    found = sorted(is_file)
    return [name for name in found if is_file[name]], [n for n in found if not is_file[n]]


def _migrate_file(
    sessions: SessionDirectory, source: _Source, name: str, report: MigrationReport
) -> tuple[MigrationReport, bool]:
    """Import and rename one file; gives the report with it, and whether it was renamed."""
    try:
        raw = source.read(name)
        legacy = decode_legacy(raw)
    except DamagedLegacy as error:
        _logger.warning("%s is not imported and stays as it is: %s", printable(name), error)
        return replace(report, damaged=(*report.damaged, (name, str(error)))), False
    except NotLegacy as error:
        if _is_metadata(name, raw):
            return report, False
        _logger.warning("%s is no legacy session and stays as it is: %s", printable(name), error)
        return replace(report, not_legacy=(*report.not_legacy, (name, str(error)))), False
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ESPIPE, errno.ENXIO):
            reason = "a link or a pipe in the place of a file, left as it is"
            return replace(report, damaged=(*report.damaged, (name, reason))), False
        if name.endswith(names.METADATA_SUFFIX) and durable.is_of_one_file(error):
            # Its session cannot be read; to try again would not import anything.
            return replace(report, damaged=(*report.damaged, (name, str(error)))), False
        return _with_failure(report, name, error), False
    key = session_key(name, legacy)
    try:
        with sessions.session_to_write(key) as (session, shard):
            # A session manager of another process waits for the same lock.
            if source.read(name) != raw:
                raise StoreError("another process has changed it meanwhile")
            if source.path != sessions.path:
                durable.sync_directory(source.path)
            writer = SessionWriter(sessions, session, shard)
            is_new, damage = _import(writer, legacy, hashlib.sha256(raw).hexdigest())
            wrong = tuple((one.file, one.detail) for one in damage)
            report = replace(report, damaged=(*report.damaged, *wrong))
            source.move_to_backup(name)
    except StoreClosed:
        raise
    except (OSError, StoreError) as error:
        return _with_failure(report, name, error), False
    if is_new:
        return replace(report, migrated=(*report.migrated, name)), True
    return replace(report, already=(*report.already, name)), True


def _import(
    writer: SessionWriter, legacy: LegacySession, digest: str
) -> tuple[bool, tuple[Damage, ...]]:
    """Put a legacy session's content before the session's own.

    Returns:
        Whether it was not there already, and what is wrong with the session's files: they are
        replaced, and nobody would be told of it later.
    """
    session = writer.session
    if digest in session.metadata.migrated_from:
        return False, ()
    lines = session.read_lines()
    damage = tuple(session.damage(lines))
    for one in damage:
        log_damage(one)
    merged = merge(legacy, saved_session(session, lines))
    is_first = not session.exists(lines)
    new = [sealed_line(line) for line in (*merged.older, *merged.own)]
    metadata = writer.next_metadata_of(len(new))
    metadata = replace(
        metadata,
        summary=merged.summary,
        created_at=(legacy.created if is_first else None) or metadata.created_at,
        updated_at=(legacy.updated if is_first else None) or metadata.updated_at,
        migrated_from=(*metadata.migrated_from, digest),
    )
    writer.keep_damaged(lines)
    # Before the mark is made the legacy file's name must be durable too, and is: who saved it may
    # have been killed before that, and after a crash an older version would be in its place, to be
    # imported as well.
    writer.rewrite(b"".join(new), metadata)
    return merged.is_new, damage


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
    _logger.warning("could not migrate %s: %s", printable(name), error)
    return replace(report, failed=(*report.failed, (name, str(error))))
