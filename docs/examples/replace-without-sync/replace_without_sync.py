"""Notes in a JSON file that is replaced by os.replace, and never synced."""

import json
import os

from hypothesis import strategies as st

from tornwrite import KeyValue, python_subject


class Notes:
    """Notes in one JSON file, written beside and renamed into place."""

    def __init__(self, directory):
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
        os.replace(self.path + ".new", self.path)
        self.notes = notes

    def observe(self):
        return self.notes

    def close(self):
        pass


class OrderedNotes(Notes):
    """The same, with the file synced before it is renamed, and nothing more."""

    def save(self, notes):
        with open(self.path + ".new", "w") as file:
            json.dump(notes, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
        self.notes = notes


operations = {"put": {"key": st.text(), "value": st.text()}, "delete": {"key": st.text()}}
notes = python_subject(Notes, KeyValue(), operations)
# Asked for less: it may lose the latest changes, in order. That is broken too.
weaker = python_subject(Notes, KeyValue(durable_after=()), operations)
# And this is kept, by a store that syncs the file.
ordered = python_subject(OrderedNotes, KeyValue(durable_after=()), operations)
