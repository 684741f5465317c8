"""Small stores of the four common shapes: one of each that is right, and some that are not.

Each is what somebody would write: a class on a directory, with its operations as methods. The wrong
ones are the right one with one thing left out or done otherwise.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.model.results import Finding, Row
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Subject

PLAIN = Settings((POSIX, KILL), 5_000, 0, real_kills=False, kill_then_power=False)
"""All crashes that a disk model tells, and nothing else."""


def outcomes(subject: Subject, settings: Settings = PLAIN) -> list[Outcome]:
    """All scenarios of a subject, judged in this process."""
    return [
        run_scenario(subject, one, settings, lambda at, done: None) for one in subject.scenarios
    ]


def findings(subject: Subject, settings: Settings = PLAIN) -> list[Finding]:
    """What all scenarios of a subject show. Fails where the harness does."""
    found = outcomes(subject, settings)
    assert [note for one in found for note in one.notes] == []
    return [finding for one in found for finding in one.findings]


def kinds(subject: Subject, settings: Settings = PLAIN) -> set[Kind]:
    """The kinds of what all scenarios of a subject show."""
    return {one.violation.kind for one in findings(subject, settings)}


def rows(subject: Subject, settings: Settings = PLAIN) -> list[Row]:
    """The rows of all scenarios of a subject."""
    return [row for one in outcomes(subject, settings) for row in one.rows]


def sync_folder(folder: str) -> None:
    """Make its entries durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def replace_file(path: str, content: bytes, *, sync: bool = True, folder: bool = True) -> None:
    """The usual recipe: beside, sync, rename, sync the directory."""
    with open(path + ".new", "wb") as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    os.replace(path + ".new", path)
    if folder:
        sync_folder(os.path.dirname(path))


def read(path: str, otherwise: bytes) -> bytes:
    """The file's content, if there is one."""
    if not os.path.exists(path):
        return otherwise
    with open(path, "rb") as file:
        return file.read()


# Logs


class Log:
    """Lines of JSON in one file, each synced; a torn tail is cut off when it is opened."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.path = os.path.join(directory, "log")
        found = read(self.path, b"")
        self.file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - it stays open
        sync_folder(directory)
        self.repair(found)

    def repair(self, found: bytes) -> None:
        whole = found[: found.rfind(b"\n") + 1]
        if whole != found:
            self.file.truncate(len(whole))
            self.sync_file()

    def sync_file(self) -> None:
        os.fsync(self.file.fileno())

    def line(self, item: Any) -> bytes:
        return json.dumps(item).encode() + b"\n"

    def append(self, item: Any) -> None:
        self.file.write(self.line(item))
        self.sync_file()

    def clear(self) -> None:
        self.file.truncate(0)
        self.sync_file()

    def observe(self) -> list[Any]:
        return [json.loads(line) for line in read(self.path, b"").splitlines()]

    def close(self) -> None:
        self.file.close()


class UnsyncedLog(Log):
    """Trusts the system to write it some time."""

    def sync_file(self) -> None:
        pass


class GluingLog(Log):
    """Leaves a torn tail where it is, reads past it, and writes the next line right behind."""

    def repair(self, found: bytes) -> None:
        pass

    def observe(self) -> list[Any]:
        found = []
        for line in read(self.path, b"").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found


class TornLog(Log):
    """Takes what there is of a last line for the line: text, without a mark at its end."""

    def line(self, item: Any) -> bytes:
        return str(item).encode() + b"\n"

    def repair(self, found: bytes) -> None:
        if found and not found.endswith(b"\n"):
            self.file.write(b"\n")

    def observe(self) -> list[Any]:
        return [line.decode() for line in read(self.path, b"").splitlines()]


class TwiceLog(Log):
    """Notes first what it is about to append, and appends that again when it finds the note."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.note = os.path.join(directory, "note")
        noted = read(self.note, b"")
        if noted:
            self.file.write(noted)
            self.sync_file()
            os.unlink(self.note)

    def append(self, item: Any) -> None:
        replace_file(self.note, self.line(item))
        super().append(item)
        os.unlink(self.note)


class BackwardLog(Log):
    """Repairs a torn tail by writing all lines anew, in the wrong order."""

    def repair(self, found: bytes) -> None:
        lines = found.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            replace_file(self.path, b"".join(reversed(lines[:-1])))
            self.file.close()
            self.file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - it stays open


class UnclearedLog(Log):
    """Clears without a sync: what was removed may be back."""

    def clear(self) -> None:
        self.file.truncate(0)


class BatchedLog(Log):
    """Syncs when it is told to, and not before."""

    def append(self, item: Any) -> None:
        self.file.write(self.line(item))

    def clear(self) -> None:
        self.file.truncate(0)

    def sync(self) -> None:
        self.sync_file()


class DeafLog(BatchedLog):
    """Does nothing when it is told to sync."""

    def sync(self) -> None:
        pass


class WaitingLog(BatchedLog):
    """Keeps to itself what it was given, until it is told to sync or is closed."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.waiting: list[Any] = []

    def append(self, item: Any) -> None:
        self.waiting.append(item)

    def clear(self) -> None:
        self.waiting.clear()
        super().clear()

    def flush(self) -> None:
        self.file.write(b"".join(map(self.line, self.waiting)))
        self.waiting.clear()

    def sync(self) -> None:
        self.flush()
        super().sync()

    def observe(self) -> list[Any]:
        return [*super().observe(), *self.waiting]

    def close(self) -> None:
        self.flush()
        super().close()


class HoleyLog(BatchedLog):
    """Each item in a file of its own: without a sync the second may be there without the first."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.number = 1 + max(map(int, os.listdir(directory)), default=0)

    def append(self, item: Any) -> None:
        with open(os.path.join(self.directory, str(self.number)), "wb") as file:
            file.write(self.line(item))
        self.number += 1

    def sync(self) -> None:
        for name in os.listdir(self.directory):
            sync_folder(os.path.join(self.directory, name))
        sync_folder(self.directory)

    def clear(self) -> None:
        for name in os.listdir(self.directory):
            os.unlink(os.path.join(self.directory, name))

    def observe(self) -> list[Any]:
        found = []
        for name in sorted(os.listdir(self.directory), key=int):
            whole = read(os.path.join(self.directory, name), b"")
            if whole.endswith(b"\n"):
                found.append(json.loads(whole))
        return found

    def close(self) -> None:
        pass


# Maps


class Map:
    """One file of JSON, replaced as a whole."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "map.json")
        self.values: dict[str, Any] = json.loads(read(self.path, b"{}"))

    def save(self, values: dict[str, Any]) -> None:
        replace_file(self.path, json.dumps(values).encode(), folder=False)
        self.values = values  # as a new process would see it, whatever the sync says
        sync_folder(os.path.dirname(self.path))

    def put(self, key: str, value: Any) -> None:
        self.save({**self.values, key: value})

    def delete(self, key: str) -> None:
        self.save({other: value for other, value in self.values.items() if other != key})

    def clear(self) -> None:
        self.save({})

    def observe(self) -> dict[str, Any]:
        return dict(self.values)

    def close(self) -> None:
        pass


class InPlaceMap(Map):
    """Writes over its own file."""

    def save(self, values: dict[str, Any]) -> None:
        with open(self.path, "w") as file:
            json.dump(values, file)
        self.values = values


class UnsyncedMap(Map):
    """Renames without a sync."""

    def save(self, values: dict[str, Any]) -> None:
        replace_file(self.path, json.dumps(values).encode(), folder=False)
        self.values = values


class Files(Map):
    """A file a key."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def file(self, key: str) -> str:
        return os.path.join(self.directory, key)

    def put(self, key: str, value: Any) -> None:
        replace_file(self.file(key), str(value).encode())

    def delete(self, key: str) -> None:
        os.unlink(self.file(key))
        sync_folder(self.directory)

    def clear(self) -> None:
        for key in self.observe():
            os.unlink(self.file(key))
        sync_folder(self.directory)

    def observe(self) -> dict[str, Any]:
        names = sorted(name for name in os.listdir(self.directory) if not name.endswith(".new"))
        return {name: read(self.file(name), b"").decode() for name in names}


class TornFiles(Files):
    """Writes each file in place, and syncs it."""

    def put(self, key: str, value: Any) -> None:
        with open(self.file(key), "w") as file:
            file.write(str(value))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(self.directory)


class HauntedFiles(Files):
    """Deletes without a sync."""

    def delete(self, key: str) -> None:
        os.unlink(self.file(key))


class MixedUpMap(Map):
    """Takes the value of another key where it was broken off."""

    def put(self, key: str, value: Any) -> None:
        others = list(self.values.values())
        if others:
            super().put(key, others[0])
        super().put(key, value)


# Documents


class Page:
    """One text, replaced as a whole."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "page")

    def save(self, content: str) -> None:
        replace_file(self.path, content.encode())

    def observe(self) -> str | None:
        return read(self.path, b"").decode() if os.path.exists(self.path) else None

    def close(self) -> None:
        pass


class OverwrittenPage(Page):
    """Writes over what is there, and cuts off the rest."""

    def save(self, content: str) -> None:
        opened = os.open(self.path, os.O_RDWR | os.O_CREAT)
        try:
            os.pwrite(opened, content.encode(), 0)
            os.ftruncate(opened, len(content.encode()))
            os.fsync(opened)
        finally:
            os.close(opened)
        sync_folder(os.path.dirname(self.path))


class UnsyncedPage(Page):
    """Renames what was never synced."""

    def save(self, content: str) -> None:
        replace_file(self.path, content.encode(), sync=False)


class ProudPage(Page):
    """Says that it has saved, and saves only the first time."""

    def save(self, content: str) -> None:
        if not os.path.exists(self.path):
            super().save(content)


class StampedPage(Page):
    """Signs what it finds when it is opened."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        if os.path.exists(self.path + ".new"):
            replace_file(self.path, b"recovered!")
            os.path.exists(self.path + ".new") and os.unlink(self.path + ".new")


# Queues


class Line:
    """A file of JSON, replaced as a whole; the first in it is the next."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "queue")

    def observe(self) -> list[Any]:
        found: list[Any] = json.loads(read(self.path, b"[]"))
        return found

    def save(self, items: list[Any]) -> None:
        replace_file(self.path, json.dumps(items).encode())

    def push(self, item: Any) -> None:
        self.save([*self.observe(), item])

    def pop(self) -> Any:
        first, *rest = self.observe() or [None]
        self.save(rest)
        return first

    def close(self) -> None:
        pass


class PoppingLine(Line):
    """Pops without a sync: what was popped may be back."""

    def pop(self) -> Any:
        first, *rest = self.observe() or [None]
        replace_file(self.path, json.dumps(rest).encode(), folder=False)
        return first


class PushingLine(Line):
    """Pushes without a sync."""

    def push(self, item: Any) -> None:
        items = [*self.observe(), item]
        replace_file(self.path, json.dumps(items).encode(), folder=False)


class InPlaceLine(Line):
    """Writes over its own file."""

    def save(self, items: list[Any]) -> None:
        with open(self.path, "w") as file:
            json.dump(items, file)


class StackLine(Line):
    """Puts back what it had begun to pop, at the wrong end."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.taken = os.path.join(directory, "taken")
        if os.path.exists(self.taken):
            taken = json.loads(read(self.taken, b""))
            items = self.observe()
            if items[:1] == [taken]:
                self.save([*items[1:], taken])
            os.unlink(self.taken)

    def pop(self) -> Any:
        items = self.observe()
        if items:
            replace_file(self.taken, json.dumps(items[0]).encode())
            self.save(items[1:])
            os.unlink(self.taken)
        return None


Opens = Callable[[str], Any]
