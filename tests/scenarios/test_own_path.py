"""Stores that keep their own path: it leads to what the crash left, not to what the run did."""

import os

from hypothesis import strategies as st

from support.small_stores import kinds, read, replace_file
from tornwrite import KeyValue, python_subject
from tornwrite.model.verdict import Kind


class _Named:
    """Each value in a file that is never synced; a file that is synced has its absolute path."""

    def __init__(self, directory: str) -> None:
        self._folder = directory

    def put(self, key: str, value: str) -> None:
        names = os.listdir(self._folder)
        path = f"{self._folder}/{len(names)}.value"
        with open(path, "w") as file:
            file.write(value)
        self._name(f"{self._folder}/{key}", path)

    def _name(self, name: str, path: str) -> None:
        replace_file(name, path.encode())

    def observe(self) -> dict[str, str]:
        names = (name for name in os.listdir(self._folder) if len(name) == 1)
        return {name: self._value(f"{self._folder}/{name}") for name in names}

    def _value(self, name: str) -> str:
        return read(read(name, b"").decode(), b"").decode()

    def close(self) -> None:
        pass


class _Linked(_Named):
    """A symbolic link has it."""

    def _name(self, name: str, path: str) -> None:
        beside = f"{name}.link"
        os.symlink(path, beside)
        os.rename(beside, name)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _value(self, name: str) -> str:
        return read(name, b"").decode()


OPERATIONS = {"put": {"key": st.just("a"), "value": st.sampled_from(["one", "two"])}}


def test_a_path_in_a_file_does_not_lead_to_what_the_run_left() -> None:
    subject = python_subject(open=_Named, model=KeyValue(delete=None), operations=OPERATIONS)
    assert Kind.LOST in kinds(subject)


def test_an_absolute_link_does_not_lead_to_what_the_run_left() -> None:
    subject = python_subject(open=_Linked, model=KeyValue(delete=None), operations=OPERATIONS)
    assert Kind.LOST in kinds(subject)
