"""Notes in a JSON file, written the way everybody writes it first."""

import json
import os

from hypothesis import strategies as st

from tornwrite import KeyValue, python_subject


class Notes:
    """Notes in one JSON file, written with json.dump."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notes.json")
        self.notes = {}
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.notes = json.load(file)

    def put(self, key, value):
        self.notes[key] = value
        self.save()

    def delete(self, key):
        del self.notes[key]
        self.save()

    def save(self):
        with open(self.path, "w") as file:
            json.dump(self.notes, file)

    def observe(self):
        return self.notes

    def close(self):
        pass


notes = python_subject(
    Notes,
    KeyValue(),
    {"put": {"key": st.text(), "value": st.text()}, "delete": {"key": st.text()}},
)
