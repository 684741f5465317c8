"""The published import of legacy session files. Never repaired: see the package.

Its worst flaw: the store's own `NAME.meta.json` ends in `.json` too. When both live in one
directory, as they do in practice, it is taken for a legacy session without messages, and the
session is replaced by nothing.
"""

import logging
import os
from collections.abc import Callable
from typing import cast

from tornwrite.reference.published import files, go_json
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_json import Field, read_string
from tornwrite.reference.published.jsonl_store import JSONLStore
from tornwrite.reference.published.messages import Message, read_messages
from tornwrite.reference.published.metadata import time_field

_logger = logging.getLogger(__name__)

_read_session: Callable[[object], dict[str, object]] = go_json.struct_reader(
    (
        Field("key", read_string, str),
        Field("messages", read_messages, list),
        Field("summary", read_string, str),
        time_field("created"),  # never used, but one that does not parse refuses the file
        time_field("updated"),
    )
)


def migrate_from_json(sessions_dir: str | os.PathLike[str], store: JSONLStore) -> int:
    """Import each `NAME.json` in name order and rename it to `NAME.json.migrated`.

    A file that can't be read or parsed is logged and skipped; a rename that fails is logged.

    Args:
        sessions_dir: the directory with the legacy files; a missing one is an empty one.
        store: where the sessions go.

    Returns:
        The number of sessions imported.

    Raises:
        OSError, StoreError: listing the directory or writing to the store failed; files before
            that are imported.
    """
    return migrate(sessions_dir, store, store.set_history)


def migrate(
    sessions_dir: str | os.PathLike[str],
    store: JSONLStore,
    import_messages: Callable[[str, list[Message]], None],
) -> int:
    """As `migrate_from_json`, with the messages of each key brought in by `import_messages`."""
    directory = os.fspath(sessions_dir)
    try:
        with os.scandir(directory) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except FileNotFoundError:
        return 0
    migrated = 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) or not entry.name.endswith(".json"):
            continue
        source = os.path.join(directory, entry.name)
        try:
            session = _read_session(go_json.loads(files.read_file(source)))
        except (OSError, StoreError) as error:
            _logger.warning("migration skips %s: %s", entry.name, error)
            continue
        key = cast(str, session["key"]) or entry.name.removesuffix(".json")
        import_messages(key, cast(list[Message], session["messages"]))
        summary = cast(str, session["summary"])
        if summary:
            store.set_summary(key, summary)
        try:
            os.rename(source, source + ".migrated")
        except OSError as error:
            _logger.warning("migration could not rename %s: %s", entry.name, error)
        migrated += 1
    return migrated
