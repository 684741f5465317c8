"""Key-value stores for sequences of operations: a right one, and some that are wrong late.

`third_time` forgets to sync the third change that a process makes: two operations do not show it.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from support.key_values import KeyValueModel, RightStore
from tornwrite.model.alphabets import Alphabet, Content, Key, Template
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Subject

ALPHABET = Alphabet(
    (
        Template("put", {"key": Key(2), "value": Content()}),
        Template("delete", {"key": Key(2)}),
        Template("reopen"),
    )
)


class Store(RightStore):
    """To delete what is not there is no failure."""

    def delete(self, key: str) -> None:
        if os.path.exists(self._path(key)):
            super().delete(key)


class ThirdTime(Store):
    """Syncs two changes and no more."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._changes = 0

    def apply(self, operation: Operation) -> Any:
        self._changes += 1
        return super().apply(operation)

    def put(self, key: str, value: str) -> None:
        if self._changes < 3:
            super().put(key, value)
        else:
            with open(self._path(key), "w") as file:
                file.write(value)


class Whimsical(Store):
    """Does something else each time: the files it makes have the process's number of openings."""

    openings = 0

    def __init__(self, root: str) -> None:
        super().__init__(root)
        Whimsical.openings += 1
        self._mark = f"{Whimsical.openings}.tmp"

    def put(self, key: str, value: str) -> None:
        beside = os.path.join(self._root, self._mark)
        with open(beside, "w"):
            pass
        os.unlink(beside)
        super().put(key, value)


class Gone(Store):
    """Shows a deleted value as long as it is open: wrong without any crash."""

    def observe(self, names: Sequence[str]) -> Observation:
        found = super().observe(names)
        if any(name not in found["values"] for name in names) and len(names) == 2:
            found["values"] = {"k9": "never written"}
        return found


right = Subject("a key-value store", KeyValueModel(), Store, (), alphabet=ALPHABET)
third_time = replace(right, open=ThirdTime)
whimsical = replace(right, open=Whimsical)
without_crash = replace(right, open=Gone)
