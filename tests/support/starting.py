"""Starting the session stores behind the interface, on whatever a test has put into a directory."""

import errno
import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.interface import SessionStore, open_session_store

HINDRANCE = "hindrance.json"
"""A legacy file that cannot be migrated, for its key has no UTF-8 form."""


def hinder(directory: Path) -> None:
    """From now on a start falls back."""
    directory.mkdir(exist_ok=True)
    (directory / HINDRANCE).write_text('{"key": "\\ud800", "messages": []}')


def unhinder(directory: Path) -> None:
    (directory / HINDRANCE).unlink(missing_ok=True)


def legacy(directory: Path, key: str, *contents: str, summary: str = "") -> Path:
    """A file of the original session manager."""
    directory.mkdir(exist_ok=True)
    messages = [{"role": "user", "content": content} for content in contents]
    path = directory / (key.replace(":", "_") + ".json")
    path.write_text(json.dumps({"key": key, "messages": messages, "summary": summary}))
    return path


def start(directory: Path) -> SessionStore:
    """As a new process would; at the same times as every other: nothing may depend on them."""
    return open_session_store(directory, clock=itertools.count(1).__next__)


def contents(store: SessionStore, key: str) -> list[Any]:
    return [message["content"] for message in store.get_history(key)]


def shown(directory: Path, *keys: str) -> list[tuple[list[Any], str]]:
    """The contents and the summary of each session after a start."""
    store = start(directory)
    try:
        return [(contents(store, key), store.get_summary(key)) for key in keys]
    finally:
        store.close()


def full(patched: pytest.MonkeyPatch) -> None:
    """The disk is full: nothing is written any more, names can be changed."""

    def write(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(os, "write", write)
