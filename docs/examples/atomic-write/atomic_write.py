"""Notes in a JSON file that is replaced by the usual recipe, done right."""

import json
import os

from hypothesis import strategies as st

from tornwrite import KeyValue, python_subject


class NotSynced(OSError):
    """The change is there and may not outlive a power loss: the directory could not be synced."""


class Notes:
    """Notes in one JSON file: write beside, sync, rename into place, sync the directory."""

    def __init__(self, directory):
        self.directory = directory
        self.path = os.path.join(directory, "notes.json")
        self.notes = {}
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.notes = json.load(file)

    def put(self, key, value):
        self.save({**self.notes, key: value})

    def delete(self, key):
        notes = dict(self.notes)
        del notes[key]
        self.save(notes)

    def save(self, notes):
        with open(self.path + ".new", "w") as file:
            json.dump(notes, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
        self.notes = notes  # from here on that is what a new process reads
        self.sync_directory()

    def sync_directory(self):
        try:
            directory = os.open(self.directory, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise NotSynced(error.errno, error.strerror, self.directory) from error

    def observe(self):
        return self.notes

    def close(self):
        pass


notes = python_subject(
    Notes,
    KeyValue(),
    {"put": {"key": st.text(), "value": st.text()}, "delete": {"key": st.text()}},
    not_undone=lambda error: isinstance(error, NotSynced),
)
