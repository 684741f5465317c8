"""A store of values that rot: one JSON document a key, with a check over key and value.

`right` reports what it cannot trust and harms nothing; each of the others lacks one protection.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from support.key_values import KEPT, KeyValueModel, Values, delete, put
from tornwrite.model.damage import Held, Unnoticed, held
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Scenario, Subject

SUFFIX = ".value"


class RottingModel(KeyValueModel):
    """A key is a session of one message."""

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return {key: held([value], {}) for key, value in observed.get("values", {}).items()}

    def probes(self, state: Values, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        every = dict.fromkeys([*names, *state])
        return (tuple(put(name, "after the damage") for name in every),)

    def settled(self, observed: Observation) -> Iterable[Any]:
        return ()


class CheckedStore:
    """Reads a value only if the check fits, and keeps aside what does not before writing anew."""

    def __init__(self, root: str) -> None:
        self._root = root

    def apply(self, operation: Operation) -> Any:
        getattr(self, operation.name)(**operation.arguments)

    def put(self, key: str, value: str) -> None:
        path = self._path(key)
        if os.path.lexists(path) and self._problem(key):
            os.rename(path, f"{path}.damaged")
        unfinished = path + ".tmp"
        with open(unfinished, "w") as file:
            json.dump(self._document(key, value), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, path)
        folder = os.open(self._root, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def delete(self, key: str) -> None:
        os.unlink(self._path(key))

    def _document(self, key: str, value: str) -> dict[str, Any]:
        check = zlib.crc32(f"{key}={value}".encode())
        return {"key": key, "value": value, "crc32": f"{check:08x}"}

    def _path(self, key: str) -> str:
        return os.path.join(self._root, key + SUFFIX)

    def _read(self, key: str) -> str | None:
        """The value, None if there is none. Raises ValueError or OSError for a damaged one."""
        try:
            descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            data = os.read(descriptor, 1_000_000)
        finally:
            os.close(descriptor)
        return self._checked(key, json.loads(data))

    def _checked(self, key: str, found: Any) -> str:
        if not isinstance(found, dict) or found != self._document(key, str(found.get("value"))):
            raise ValueError("the check does not fit")
        return str(found["value"])

    def _problem(self, key: str) -> str:
        try:
            self._read(key)
        except (OSError, ValueError) as error:
            return f"{key}{SUFFIX}: {error}"
        return ""

    def _keys(self, names: Sequence[str]) -> list[str]:
        there = (name for name in os.listdir(self._root) if name.endswith(SUFFIX))
        return sorted({*names, *(name.removesuffix(SUFFIX) for name in there)})

    def observe(self, names: Sequence[str]) -> Observation:
        values = {}
        for key in self._keys(names):
            if not self._problem(key) and (value := self._read(key)) is not None:
                values[key] = value
        return {"values": values}

    def reported(self, names: Sequence[str]) -> Observation:
        problems = {key: self._problem(key) for key in self._keys(names)}
        return {"sessions": {key: [said] for key, said in problems.items() if said}, "store": []}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class UncheckedStore(CheckedStore):
    """Takes for good what can be parsed."""

    def _checked(self, key: str, found: Any) -> str:
        return str(found["value"])


class TrustingStore(CheckedStore):
    """Has a length beside the value, believes it, and checks only what it then shows."""

    def _document(self, key: str, value: str) -> dict[str, Any]:
        return {"length": len(value), "key": key, "value": value}

    def _checked(self, key: str, found: Any) -> str:
        return str(found["value"])[: int(found["length"])]


class SilentStore(CheckedStore):
    """Passes by what is damaged, and says nothing."""

    def reported(self, names: Sequence[str]) -> Observation:
        return {"sessions": {}, "store": []}


class TidyingStore(CheckedStore):
    """Deletes what it cannot read."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._deleted = {key: said for key in self._keys(()) if (said := self._problem(key))}
        for key in self._deleted:
            if os.path.isfile(self._path(key)):
                os.unlink(self._path(key))

    def reported(self, names: Sequence[str]) -> Observation:
        return {"sessions": {key: [said] for key, said in self._deleted.items()}, "store": []}


class SweepingStore(CheckedStore):
    """Deletes what is not its own."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        for name in os.listdir(root):
            if not name.endswith((SUFFIX, ".damaged")) and os.path.isfile(os.path.join(root, name)):
                os.unlink(os.path.join(root, name))


class FollowingStore(CheckedStore):
    """Writes in place, wherever the name leads."""

    def put(self, key: str, value: str) -> None:
        with open(self._path(key), "w") as file:
            json.dump(self._document(key, value), file, indent=1)
            file.flush()
            os.fsync(file.fileno())


class FussyStore(CheckedStore):
    """Opens only if it understands every file."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        for name in os.listdir(root):
            if not name.endswith((".tmp", ".damaged")):
                with open(os.path.join(root, name), "rb") as file:
                    json.loads(file.read())


class LeakingStore(CheckedStore):
    """Keeps a damaged file open for good."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        for key in self._keys(()):
            if self._problem(key) and os.path.isfile(self._path(key)):
                os.open(self._path(key), os.O_RDONLY)


class EntangledStore(CheckedStore):
    """Shows nothing while anything is damaged."""

    def observe(self, names: Sequence[str]) -> Observation:
        if any(self._problem(key) for key in self._keys(names)):
            return {"values": {}}
        return super().observe(names)


class StubbornStore(CheckedStore):
    """Meets damage with an error that tells nobody anything."""

    def put(self, key: str, value: str) -> None:
        if self._problem(key):
            raise KeyError(key)
        super().put(key, value)


SEVERAL = Scenario(
    name="several",
    about="values that are put, put anew, and deleted",
    promises=(KEPT,),
    operations=(put("a", "first"), put("b", "other"), put("a", "second"), put("c", "third")),
)
DELETED = Scenario(
    name="deleted",
    about="a value that goes",
    promises=(KEPT,),
    operations=(put("a", "first"), put("b", "other"), delete("a")),
)

DECLARED = (Unnoticed.GONE.value,)


def subject(store: type[CheckedStore], weakened: tuple[str, ...] = DECLARED) -> Subject:
    """That store as a subject."""
    about = store.__doc__ or ""
    return Subject(about, RottingModel(), store, (SEVERAL, DELETED), weakened, name="support:it")
