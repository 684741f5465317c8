"""Generation files whose metadata is damaged are kept aside: nobody can tell which was current."""

import os

from tornwrite.reference import durable
from tornwrite.reference.durable.names import damaged_path
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.names import SessionFiles


def keep_generations(files: SessionFiles) -> None:
    """Keep every generation file aside: without metadata nobody knows which one was current."""
    kept = False
    with os.scandir(files.directory) as entries:
        found = sorted(entry.name for entry in entries)
    for name in found:
        generation = names.parse_generation(name)
        if generation is not None and generation[0] == files.name:
            path = os.path.join(files.directory, name)
            os.rename(path, damaged_path(files.data, durable.read_file(path)))
            kept = True
    if kept:
        durable.sync_directory(files.directory)
