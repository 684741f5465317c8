"""Whatever happened to the files, a list is what reading every one of them whole gives."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.transcript_lists import listed_whole
from tornwrite.reference.transcripts import TranscriptStore


class Chance:
    """Random operations on a directory of transcripts, and on their files behind its back."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.directory = directory
        self.random = random.Random(seed)
        self.store = TranscriptStore(directory)
        self.other = TranscriptStore(directory)

    def step(self) -> None:
        steps = [self.append] * 8 + [self.delete, self.reopen, self.tear, self.grow, self.make]
        steps += [self.cut, self.write_foreign, self.damage, self.restore, self.list, self.list]
        self.random.choice(steps)()

    def one(self) -> TranscriptStore:
        return self.random.choice([self.store, self.other])

    def name(self) -> str:
        return self.random.choice(["a", "b", "../c"])

    def path(self) -> Path:
        known = sorted(self.directory.glob("*.jsonl"))
        return self.random.choice(known) if known else self.directory / "a.jsonl"

    def message(self) -> dict[str, Any]:
        size = self.random.choice([0, 1, 10, 70, 500, 3000])
        return {"role": self.random.choice(["user", "assistant"]), "content": "m" * size}

    def line(self) -> bytes:
        return json.dumps(self.message()).encode() + b"\n"

    def append(self) -> None:
        self.one().get_or_create(self.name()).append(self.message())

    def make(self) -> None:
        self.one().get_or_create(self.name())

    def delete(self) -> None:
        self.one().delete(self.name())

    def list(self) -> None:
        self.one().list()

    def reopen(self) -> None:
        self.store.close()
        self.store = TranscriptStore(self.directory)

    def tear(self) -> None:
        with self.path().open("ab") as file:
            file.write(self.line()[: self.random.randrange(1, 30)])

    def grow(self) -> None:
        end = self.random.choice([b"", b"\n", b"\r\n", b"\0" * 20, b"damaged\n"])
        with self.path().open("ab") as file:
            file.write(self.line() + end)

    def cut(self) -> None:
        path = self.path()
        if path.exists():
            os.truncate(path, self.random.randrange(path.stat().st_size + 1))
            self.notice()

    def write_foreign(self) -> None:
        header = b'{"type":"session","id":"a","created_at":"2026-01-02T03:04:05Z"}\n'
        data = self.random.choice([b"", header, b"\n", b"damaged\n", header + b"\n"])
        lines = b"".join(self.line() for _ in range(self.random.randrange(5)))
        self.path().write_bytes(data + lines)
        self.notice()

    def damage(self) -> None:
        path = self.path()
        if path.exists() and path.stat().st_size:
            at = self.random.randrange(path.stat().st_size)
            with path.open("r+b") as file:
                file.seek(at)
                file.write(b"#\n"[: self.random.choice([1, 2])])
            self.notice()

    def notice(self) -> None:
        """A list before the file grows again: after that, an edit in its middle is not noticed."""
        (self.directory / "old").unlink(missing_ok=True)
        assert self.one().list() == listed_whole(self.directory)

    def restore(self) -> None:
        """An old copy of the index comes back, as after a crash, or of another directory."""
        path, copy = self.directory / ".index", self.directory / "old"
        if self.random.random() < 0.5 and path.exists():
            shutil.copy(path, copy)
        elif copy.exists():
            shutil.copy(copy, path)

    def close(self) -> None:
        self.store.close()
        self.other.close()


@pytest.mark.parametrize("seed", range(30))
def test_a_list_is_what_reading_every_file_whole_gives(directory: Path, seed: int) -> None:
    chance = Chance(directory, seed)
    try:
        for _ in range(60):
            chance.step()
            if chance.random.random() < 0.5:
                assert chance.one().list() == listed_whole(directory)
        assert chance.one().list() == listed_whole(directory)
    finally:
        chance.close()
