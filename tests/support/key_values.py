"""A user's own subject: values in files, one file a key, with a model of their own.

`right` keeps what it promises, `wrong` writes in place and never syncs. The file needs nothing of
the tests: some of them copy it to a directory of its own, as a user's program would be.
"""

import os
import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Kind, Promise, Violation
from tornwrite.scenarios.subject import Scenario, Subject

Values = dict[str, str]

KEPT = Promise("kept", "a value that was put is there until it is put anew or deleted")


class KeyValueModel:
    """A mapping; every operation whole and at once."""

    def state_of(self, observed: Observation) -> Values:
        return dict(observed.get("values", {}))

    def step(self, state: Values, operation: Operation) -> Values:
        match operation.name:
            case "put":
                return {**state, operation.arguments["key"]: operation.arguments["value"]}
            case "delete":
                return {k: v for k, v in state.items() if k != operation.arguments["key"]}
            case "open" | "reopen":
                return state
            case _:
                raise ValueError(f"no operation {operation.name!r}")

    def between(self, state: Values, operation: Operation) -> Iterable[Values]:
        return ()

    def view(self, state: Values) -> Observation:
        return {"values": state}

    def normalised(self, observed: Observation) -> Observation:
        return {"values": observed.get("values", {})}

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(o.arguments["key"] for o in operations if o.arguments))

    def probes(self, state: Values, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return (tuple(put(name, "after the crash") for name in names),)

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Values],
        past: Sequence[Values],
        after: Sequence[Operation],
    ) -> Violation:
        promised = " or ".join(str(state) for state in permitted)
        done = ", ".join(str(operation) for operation in after)
        if "error" in observed:
            return Violation(Kind.UNREADABLE, KEPT, "", promised, observed["error"], done)
        found = self.state_of(observed)
        written = {value for state in (*past, *permitted) for value in state.values()}
        torn = any(value not in written for value in found.values())
        kind = Kind.TORN if torn else Kind.LOST
        return Violation(kind, KEPT, "", promised, str(found), done)

    def beside(self, permitted: Sequence[Values], observed: Observation) -> Iterable[Violation]:
        return ()

    def settled(self, observed: Observation) -> Iterable[Violation]:
        litter = observed.get("litter", [])
        if litter:
            yield Violation(Kind.LITTER, KEPT, "", "no temporary files", ", ".join(litter))


def put(key: str, value: str) -> Operation:
    return Operation("put", {"key": key, "value": value})


def delete(key: str) -> Operation:
    return Operation("delete", {"key": key})


class RightStore:
    """Writes beside, syncs, renames into place, syncs the directory."""

    def __init__(self, root: str) -> None:
        self._root = root
        for name in os.listdir(root):
            if name.endswith(".tmp"):
                os.unlink(os.path.join(root, name))

    def _path(self, key: str) -> str:
        return os.path.join(self._root, key)

    def apply(self, operation: Operation) -> Any:
        getattr(self, operation.name)(**operation.arguments)
        return None

    def put(self, key: str, value: str) -> None:
        unfinished = self._path(key) + ".tmp"
        with open(unfinished, "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        os.rename(unfinished, self._path(key))
        self._sync()

    def delete(self, key: str) -> None:
        os.unlink(self._path(key))
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def observe(self, names: Sequence[str]) -> Observation:
        values = {}
        for name in sorted(os.listdir(self._root)):
            if not name.endswith(".tmp"):
                with open(self._path(name)) as file:
                    values[name] = file.read()
        return {"values": values}

    def settled(self, names: Sequence[str]) -> Observation:
        return {"litter": [name for name in os.listdir(self._root) if name.endswith(".tmp")]}

    def close(self) -> None:
        pass


class WrongStore(RightStore):
    """Writes in place and trusts the disk."""

    def put(self, key: str, value: str) -> None:
        with open(self._path(key), "w") as file:
            file.write(value)


class SecretStore(RightStore):
    """Has another process write for it, where no recorder looks."""

    def put(self, key: str, value: str) -> None:
        subprocess.run(
            ["sh", "-c", 'printf %s "$2" > "$1"', "sh", self._path(key), value], check=True
        )


class ForgetfulStore(RightStore):
    """Acknowledges and does nothing: wrong without any crash."""

    def put(self, key: str, value: str) -> None:
        pass


PUT = Scenario(
    name="put",
    about="a value, and another one in its place",
    promises=(KEPT,),
    operations=(put("a", "first"), put("a", "second")),
)
DELETE = Scenario(
    name="delete",
    about="a value that goes, with a new process between",
    promises=(KEPT,),
    operations=(put("a", "first"), Operation("reopen"), delete("a"), put("b", "other")),
    base=(("old", b"from before"),),
    start={"values": {"old": "from before"}},
)
LONG = Scenario(
    name="long",
    about="a value of several pages",
    promises=(KEPT,),
    operations=(put("a", "".join(f"{number:07d}," for number in range(1600))),),
)

right = Subject("a key-value store", KeyValueModel(), RightStore, (PUT, DELETE))
wrong = Subject("the same without syncs", KeyValueModel(), WrongStore, (PUT, DELETE))
long_and_wrong = Subject("the same, with long values", KeyValueModel(), WrongStore, (LONG,))
secret = Subject("one that writes behind our back", KeyValueModel(), SecretStore, (PUT,))
forgetful = Subject("one that forgets", KeyValueModel(), ForgetfulStore, (PUT,))
weaker = Subject("a store", KeyValueModel(), RightStore, (PUT,), weakened=("values may be old",))
empty = Subject("nothing to do", KeyValueModel(), RightStore, ())
