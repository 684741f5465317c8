"""How the harness drives an object of somebody's own class: its methods are the operations."""

import inspect
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Protocol

from tornwrite.model.operation import REFUSED, Observation, Operation, shortened
from tornwrite.scenarios.built.values import as_plain, not_plain
from tornwrite.scenarios.recording import Misused


def steady_names() -> None:
    """Have `tempfile` give the same names again, from the first one on.

    It draws them by lot otherwise, and a run has to be the same each time. There is no other way to
    its names than the one that its own tests take.
    """
    vars(tempfile)["_name_sequence"] = map("steady{:02d}".format, count())


def names_by_lot() -> None:
    """Have `tempfile` draw its names by lot, as ever."""
    vars(tempfile)["_name_sequence"] = None


class Store(Protocol):
    """What an opener gives: an object with a method for each operation, and these two."""

    def observe(self) -> Any:
        """What the store holds, as plain data."""
        ...

    def close(self) -> Any: ...


class Looks:
    """The looks at one open store, held against its model's shape.

    misshapen: says why a content is none of that shape; empty if it is one. directory: the store's,
    which it has not been opened on yet. What began with nothing and does not have the shape at the
    first look is used wrongly; in all other cases that is what the store came to.
    """

    def __init__(self, subject: str, misshapen: Callable[[Any], str], directory: str) -> None:
        self._subject = subject
        self._misshapen = misshapen
        self._is_right = bool(os.listdir(directory))

    def checked(self, content: Any) -> Any:
        """The content as plain data. Raises Misused or ValueError if it is not right."""
        wrong = not_plain(content, "observe()")
        if wrong:
            wrong += ", which is no plain data: texts, numbers, lists and dicts are"
        else:
            content = as_plain(content)
            said = self._misshapen(content)
            wrong = f"observe() gives {shortened(content)}; {said}" if said else ""
        if not wrong:
            self._is_right = True
            return content
        if not self._is_right:
            raise Misused(f"{self._subject}: {wrong}")
        raise ValueError(wrong)


class StoreDriver:
    """An open store that is an object.

    operations: the names and arguments that there are. refusals: exceptions by which an operation
    says that there is nothing to do, and has changed nothing.
    """

    def __init__(
        self,
        store: Store,
        operations: Mapping[str, Sequence[str]],
        looks: Looks,
        refusals: tuple[type[Exception], ...],
    ) -> None:
        self._store = store
        self._looks = looks
        self._refusals = refusals
        _check_methods(store, operations)

    def apply(self, operation: Operation) -> Any:
        try:
            getattr(self._store, operation.name)(**as_plain(dict(operation.arguments)))
        except self._refusals:
            return REFUSED
        return None

    def observe(self, names: Sequence[str]) -> Observation:
        return {"content": self._looks.checked(self._store.observe())}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        try:
            self._store.close()
        finally:
            names_by_lot()


_CHECKED: set[tuple[type, tuple[str, ...]]] = set()


def _check_methods(store: object, operations: Mapping[str, Sequence[str]]) -> None:
    """Raise Misused unless the object has a method for each of the operations."""
    kind = type(store)
    key = (kind, tuple(operations))
    if key in _CHECKED:
        return
    wanted: dict[str, Sequence[str]] = {**operations, "observe": (), "close": ()}
    for name, arguments in wanted.items():
        method = getattr(store, name, None)
        if not callable(method):
            raise Misused(
                f"open() gives a {kind.__qualname__}, which has no method {name}(); it needs "
                f"{', '.join(f'{one}()' for one in wanted)}: give it one, or have open() give an "
                "object that has"
            )
        try:
            inspect.signature(method).bind(**dict.fromkeys(arguments))
        except TypeError as error:
            given = ", ".join(f"{one}=…" for one in arguments)
            raise Misused(
                f"{kind.__qualname__}.{name} cannot be called as {name}({given}): {error}"
            ) from error
        except ValueError:
            pass  # a method written in C that does not tell its arguments
    _CHECKED.add(key)
