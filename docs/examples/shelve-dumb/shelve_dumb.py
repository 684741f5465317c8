"""A shelf of the standard library on dbm.dumb, the database that is always there."""

import dbm.dumb
import os
import shelve

from hypothesis import strategies as st

from tornwrite import KeyValue, python_subject


class Shelf:
    """A shelf on dbm.dumb, synced after each change."""

    def __init__(self, directory):
        database = dbm.dumb.open(os.path.join(directory, "shelf"), "c")  # noqa: SIM115 - stays open
        self.shelf = shelve.Shelf(database)

    def put(self, key, value):
        self.shelf[key] = value
        self.shelf.sync()

    def delete(self, key):
        del self.shelf[key]
        self.shelf.sync()

    def observe(self):
        return dict(self.shelf)

    def close(self):
        self.shelf.close()


operations = {"put": {"key": st.text(), "value": st.text()}, "delete": {"key": st.text()}}
shelf = python_subject(Shelf, KeyValue(), operations)
