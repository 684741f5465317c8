"""Generation files whose metadata is damaged are kept aside: nobody can tell which was current."""

import os

from tornwrite.reference import durable
from tornwrite.reference.durable.names import damaged_path
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.names import SessionFiles


def keep_generations(files: SessionFiles) -> None:
    """Keep every generation file aside: without metadata nobody knows which one was current."""
    found = generation_files(files)
    for path in found:
        os.rename(path, damaged_path(files.data, durable.read_file(path)))
    if found:
        durable.sync_directory(files.directory)


def generation_files(files: SessionFiles) -> list[str]:
    """The paths of a session's generation files, the last one last."""
    with os.scandir(files.directory) as entries:
        found = [(names.parse_generation(entry.name), entry.path) for entry in entries]
    of_session = [(one[1], path) for one, path in found if one is not None and one[0] == files.name]
    return [path for _, path in sorted(of_session)]
