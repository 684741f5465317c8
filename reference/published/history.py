"""The published JSONL store with one of its fixes taken back. Never repaired: see the package.

Each is the store as it was before one change that its history describes, and in all else the store
as published: whatever else these do wrong, they have in common with it.
"""

import contextlib
import os

from tornwrite.reference.published import files, messages, metadata
from tornwrite.reference.published.jsonl_migration import migrate
from tornwrite.reference.published.jsonl_store import JSONLStore
from tornwrite.reference.published.messages import Message
from tornwrite.reference.published.metadata import SessionMeta


class RenameWithoutSync(JSONLStore):
    """Metadata and rewritten messages go to a temporary file that is renamed without a sync.

    The change replaced this "manual temp+rename" by the project's helper, which syncs before it
    renames: on the flash storage of small devices a power loss can leave a file of no length behind
    after a rename that was not synced. No directory is synced either, so of a new session not even
    the name of the message file is durable. The temporary file has the target's name and `.tmp`
    after it: each use truncates what a killed one left.
    """

    def _write_meta(self, key: str, meta: SessionMeta) -> None:
        _rename_over(self._meta_path(key), metadata.encode_meta(meta))

    def _rewrite(self, key: str, history: list[Message]) -> None:
        _rename_over(self._jsonl_path(key), messages.encode_lines(history))


class DataBeforeMetadata(JSONLStore):
    """`set_history` and `compact` rewrite the messages before the metadata.

    The change turned the two around: after a crash between them the metadata still had a large
    skip, which pointed past the end of the file that had become shorter. The history came back
    empty, which is data loss; in the new order it comes back stale but complete.
    """

    def _replace(self, key: str, meta: SessionMeta, history: list[Message]) -> None:
        self._rewrite(key, history)
        self._write_meta(key, meta)


class CountOnlyWhenZero(JSONLStore):
    """`truncate_history` counts the lines on disk only if the metadata counts none.

    The change made it count always: a crash between the append and the metadata leaves a count
    that is too small (101 lines, count 100). One that was not zero was believed, and the skip was
    reckoned from the wrong total.
    """

    def _reconcile(self, key: str, meta: SessionMeta) -> None:
        if meta.count == 0:
            meta.count = self._count_lines(key)


class OneMegabyteLines(JSONLStore):
    """Lines are read into a buffer of at most 1 MB.

    The change raised that to 10 MB: what tools return (a large file, a web search) easily exceeds
    1 MB. Such a message is written without complaint and makes its session unreadable.
    """

    _max_line_bytes = 1024 * 1024


class Unlocked(JSONLStore):
    """No operation waits for another on the same session.

    The design, from the first version on, has a mutex for each session, and its tests act out the
    race that asked for it: a goroutine that summarises (reads the history, sets the summary,
    truncates to the last messages, compacts) while the main loop adds messages. Every one of these
    reads the metadata, changes it and writes the whole of it, so of two at once the later write
    takes back what the earlier changed, all acknowledged:

    - the summary, or the truncation, undone by an append that read the metadata before it;
    - the skip of before a compaction, written again after it, over a file that is now shorter: live
      messages are hidden, and those added next;
    - the count, too small by an append;
    - a message appended between the reading and the renaming of a compaction or of `set_history`:
      it goes with the file that is replaced.

    Single writes stay whole (an append is one `write`, temporary files are created exclusively).
    """

    def _lock(self, key: str) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()


def migrate_by_appending(sessions_dir: str | os.PathLike[str], store: JSONLStore) -> int:
    """Import each legacy file by adding its messages one by one, then rename it.

    The change set the whole history at once instead: after a crash between some of the appends and
    the rename, the next start read the same file and appended all of its messages again.

    Args:
        sessions_dir: the directory with the legacy files; a missing one is an empty one.
        store: where the sessions go.

    Returns:
        The number of sessions imported.

    Raises:
        OSError, StoreError: as `migrate_from_json`; of the file that failed, some messages may be
            imported.
    """

    def append_all(key: str, history: list[Message]) -> None:
        for message in history:
            store.add_full_message(key, message)

    return migrate(sessions_dir, store, append_all)


def _rename_over(path: str, data: bytes) -> None:
    temporary = path + ".tmp"
    files.write_file(temporary, data)
    try:
        os.rename(temporary, path)
    except Exception:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
