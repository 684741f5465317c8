"""Key-value stores that each rely on something that one device does and the next does not."""

import os
import zlib
from collections.abc import Sequence

from support.key_values import KEPT, PUT, KeyValueModel, RightStore, put
from tornwrite.model.operation import Observation
from tornwrite.scenarios.subject import Scenario, Subject


class UnsyncedStore(RightStore):
    """Leaves it to the file system to write the data before the name."""

    def put(self, key: str, value: str) -> None:
        unfinished = self._path(key) + ".tmp"
        with open(unfinished, "w") as file:
            file.write(value)
        os.rename(unfinished, self._path(key))
        self._sync()


class InPlaceStore(RightStore):
    """Overwrites values in place, each in as many bytes, and syncs them."""

    def put(self, key: str, value: str) -> None:
        with open(self._path(key), "r+b", buffering=0) as file:
            file.write(value.ljust(1024).encode())
            os.fsync(file.fileno())

    def observe(self, names: Sequence[str]) -> Observation:
        values = super().observe(names)["values"]
        return {"values": {name: text.rstrip() for name, text in values.items()}}


class VersionStore(RightStore):
    """A new name for each value, then away with the old one: in that order, it trusts."""

    def put(self, key: str, value: str) -> None:
        old = [name for name in os.listdir(self._root) if name.startswith(f"{key}.")]
        number = 1 + max((int(name.rpartition(".")[2]) for name in old), default=0)
        unfinished = self._path("new.tmp")
        with open(unfinished, "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, f"{self._path(key)}.{number}")
        for name in old:
            os.unlink(self._path(name))
        self._sync()

    def observe(self, names: Sequence[str]) -> Observation:
        return without_suffixes(super().observe(names))


class MovingStore(RightStore):
    """Has given its files a suffix since, and renames those that it finds without one."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        for name in os.listdir(root):
            if not name.endswith(".v2"):
                os.rename(self._path(name), f"{self._path(name)}.v2")
        self._sync()

    def put(self, key: str, value: str) -> None:
        super().put(f"{key}.v2", value)

    def observe(self, names: Sequence[str]) -> Observation:
        return without_suffixes(super().observe(names))


def without_suffixes(observed: Observation) -> Observation:
    return {"values": {name.partition(".")[0]: text for name, text in observed["values"].items()}}


class CheckedStore(RightStore):
    """The right one, with a check in front of each value: what does not fit it is not shown."""

    def put(self, key: str, value: str) -> None:
        super().put(key, f"{zlib.crc32(value.encode()):08x}{value}")

    def observe(self, names: Sequence[str]) -> Observation:
        values = {}
        for name in sorted(os.listdir(self._root)):
            with open(self._path(name), "rb") as file:
                data = file.read()
            if f"{zlib.crc32(data[8:]):08x}".encode() == data[:8]:
                values[name] = data[8:].decode()
        return {"values": values}


IN_PLACE = Scenario(
    name="in-place",
    about="a value of several sectors over another",
    promises=(KEPT,),
    operations=(put("a", "N" * 1024),),
    base=(("a", b"o" * 1024),),
    start={"values": {"a": "o" * 1024}},
)

MOVE = Scenario(
    name="move",
    about="a value under an old name, and one more",
    promises=(KEPT,),
    operations=(put("b", "more"),),
    base=(("a", b"old"),),
    start={"values": {"a": "old"}},
)

unsynced = Subject("no sync of the data", KeyValueModel(), UnsyncedStore, (PUT,))
in_place = Subject("values overwritten in place", KeyValueModel(), InPlaceStore, (IN_PLACE,))
versions = Subject("a file for each version", KeyValueModel(), VersionStore, (PUT,))
moving = Subject("names that change", KeyValueModel(), MovingStore, (MOVE,))
checked = Subject("values with a check", KeyValueModel(), CheckedStore, (PUT,))
