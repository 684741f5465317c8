"""TinyDB with its JSONStorage, as its documentation begins."""

import json
import os

from hypothesis import strategies as st
from tinydb import Query, TinyDB
from tinydb.storages import Storage

from tornwrite import KeyValue, python_subject


class Notes:
    """Notes in a TinyDB, one document each."""

    def __init__(self, directory):
        self.db = TinyDB(os.path.join(directory, "notes.json"))

    def put(self, key, value):
        self.db.upsert({"key": key, "value": value}, Query().key == key)

    def delete(self, key):
        self.db.remove(Query().key == key)

    def observe(self):
        return {note["key"]: note["value"] for note in self.db.all()}

    def close(self):
        self.db.close()


class AtomicStorage(Storage):
    """One file of JSON, replaced as a whole."""

    def __init__(self, path):
        self.path = path

    def read(self):
        if not os.path.exists(self.path):
            return None
        with open(self.path) as file:
            return json.load(file)

    def write(self, data):
        with open(self.path + ".new", "w") as file:
            json.dump(data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
        directory = os.open(os.path.dirname(self.path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def close(self):
        pass


class AtomicNotes(Notes):
    """The same notes, in a storage that replaces its file."""

    def __init__(self, directory):
        self.db = TinyDB(os.path.join(directory, "notes.json"), storage=AtomicStorage)


operations = {"put": {"key": st.text(), "value": st.text()}, "delete": {"key": st.text()}}
notes = python_subject(Notes, KeyValue(), operations)
atomic = python_subject(AtomicNotes, KeyValue(), operations)
