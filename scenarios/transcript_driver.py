"""How the harness drives a transcript store: its operations, and what it shows."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tornwrite.model.operation import REFUSED, Observation, Operation
from tornwrite.scenarios.line_files import LineFiles, look_at_files
from tornwrite.scenarios.looking import damage_told


class Info(Protocol):
    """What the list tells of a transcript."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def created_at(self) -> str: ...

    @property
    def message_count(self) -> int: ...


Infos = Sequence[Info]


class Transcript(Protocol):
    """What the editions of a transcript have in common."""

    @property
    def created_at(self) -> str: ...

    def append(self, message: Mapping[str, Any]) -> None: ...

    def get_messages(self) -> Sequence[Mapping[str, Any]]: ...

    def title(self) -> str: ...


class TranscriptStore(Protocol):
    """What the editions of the store have in common."""

    def get_or_create(self, identifier: str, /) -> Transcript: ...

    def list(self) -> Infos: ...

    def delete(self, identifier: str, /) -> None: ...

    def close(self) -> None: ...


_DATA = r".*\.jsonl"
_BESIDE = frozenset({".index"})
_NO_TIME = ("", "0001-01-01T00:00:00Z")
"""How the editions say that a header does not tell when the transcript was made."""


def _told(info: Info) -> dict[str, Any]:
    return {"title": info.title, "count": info.message_count}


def _is_told(listed: str, own: str) -> bool:
    return listed == own and own not in _NO_TIME


class TranscriptDriver:
    """An open transcript store.

    not_found: what it raises when it appends to a transcript that was deleted. read: gives an
    existing transcript as it is on the disk, and changes nothing. check: refuses an id that no
    transcript can have.
    """

    def __init__(
        self,
        store: TranscriptStore,
        directory: str,
        not_found: type[Exception],
        read: Callable[[str], Transcript],
        check: Callable[[str], object] = lambda name: None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._not_found = not_found
        self._read = read
        self._check = check
        self._held: dict[str, Transcript] = {}

    def apply(self, operation: Operation) -> Any:
        """Do the operation. That there is nothing to append to is an answer, and no failure.

        What an earlier process held, this one has to get first, if it is there.
        """
        name = operation.arguments.get("id", "")
        match operation.name:
            case "get_or_create":
                self._held[name] = self._store.get_or_create(name)
            case "get_holding":
                self._get_holding(name, operation.arguments["count"])
            case "append":
                self._held[name] = self._store.get_or_create(name)
                self._held[name].append(operation.arguments["message"])
            case "append_held":
                return self._append_held(name, operation.arguments["message"])
            case "delete":
                self._store.delete(name)
            case "list":
                return self._listed()
            case "listed":
                return self._listed().get(name, {})
            case "get_messages":
                return self._messages(name)
            case _:
                raise ValueError(f"a transcript store has no operation {operation.name!r}")
        return None

    def _get_holding(self, name: str, count: int) -> None:
        self._held[name] = self._store.get_or_create(name)
        found = len(self._held[name].get_messages())
        if found < count:
            raise LookupError(f"transcript {name!r} holds {found} messages, and not {count}")

    def _append_held(self, name: str, message: Mapping[str, Any]) -> Any:
        if name not in self._held:
            if not self._is_listed(name):
                # An id that no transcript can have is refused, as ever.
                self._check_can_be(name)
                # The store was not asked for anything, so it promises nothing: what a process that
                # was killed has deleted may be there again when the power fails.
                return REFUSED
            self._held[name] = self._store.get_or_create(name)
        try:
            self._held[name].append(message)
        except self._not_found:
            if self._is_listed(name):
                raise
        return None

    def _check_can_be(self, name: str) -> None:
        """Raise the store's refusal of an id; that there is no such transcript is no error."""
        with contextlib.suppress(self._not_found):
            self._check(name)

    def _messages(self, name: str) -> dict[str, Any]:
        try:
            return {"messages": list(self._read(name).get_messages())}
        except self._not_found:
            return {}

    def _is_listed(self, name: str) -> bool:
        return name in self._listed()

    def _listed(self) -> dict[str, Any]:
        return {info.id: _told(info) for info in self._store.list()}

    def observe(self, names: Sequence[str]) -> Observation:
        listed = {info.id: info for info in self._store.list()}
        return {
            "transcripts": {name: self._transcript(info) for name, info in listed.items()},
            "damaged": list(self._files().damaged),
        }

    def _transcript(self, info: Info) -> dict[str, Any]:
        try:
            transcript = self._read(info.id)
            return {
                "messages": list(transcript.get_messages()),
                "title": transcript.title(),
                "dated": _is_told(info.created_at, transcript.created_at),
                "listed": _told(info),
            }
        except Exception as error:
            told = str(error).replace(self._directory + os.sep, "")
            return {"error": f"{type(error).__name__}: {told}"}

    def settled(self, names: Sequence[str]) -> Observation:
        return {"litter": list(self._files().litter)}

    def _files(self) -> LineFiles:
        return look_at_files(self._directory, _DATA, also=_BESIDE)

    def reported(self, names: Sequence[str]) -> Observation:
        """What the store says is wrong with its files."""
        every = tuple(dict.fromkeys([*names, *self._listed()]))
        inspect = getattr(self._store, "inspect", None)
        return damage_told(inspect, every, not_found=self._not_found)

    def close(self) -> None:
        self._store.close()
