"""How to write files so that they survive: usable by itself, and what all stores here are made of.

To replace a file, or make a new one::

    write_file_durably("settings.json", data)

To append to a file of lines::

    append_line("journal.jsonl", b'{"event":"started"}\\n')

Each is a few system calls in an order that matters; `files` and `appending` say which and why, with
their sources. Beside them: `names` (safe file names for any text), `lines` and `json_lines` (files
of messages, torn tails), `sealing` (a checksum in each line), `damage` (telling and keeping aside
what is damaged), `locks` (between threads and processes), `directory` (all of it together, for a
store's directory).
"""

from tornwrite.reference.durable.appending import append_line, rewrite_lines
from tornwrite.reference.durable.damage import Damage, DamageKind, keep_aside
from tornwrite.reference.durable.files import (
    DIRECTORY_MODE,
    FILE_MODE,
    close,
    is_no_folder,
    is_of_one_file,
    make_directory_durably,
    mode_of,
    name_file,
    open_to_read,
    read_descriptor,
    read_file,
    remove_if_there,
    replace_file,
    sync_data,
    sync_directory,
    write_all,
    write_file_durably,
    write_new_file,
)
from tornwrite.reference.durable.names import file_name_of, hashed_name, id_of

__all__ = [
    "DIRECTORY_MODE",
    "FILE_MODE",
    "Damage",
    "DamageKind",
    "append_line",
    "close",
    "file_name_of",
    "hashed_name",
    "id_of",
    "is_no_folder",
    "is_of_one_file",
    "keep_aside",
    "make_directory_durably",
    "mode_of",
    "name_file",
    "open_to_read",
    "read_descriptor",
    "read_file",
    "remove_if_there",
    "replace_file",
    "rewrite_lines",
    "sync_data",
    "sync_directory",
    "write_all",
    "write_file_durably",
    "write_new_file",
]
