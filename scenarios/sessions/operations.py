"""Short names for the operations of a session store, for writing scenarios."""

from typing import Any

from tornwrite.model.operation import Operation


def add(key: str, content: str, role: str = "user") -> Operation:
    return Operation("add_message", {"key": key, "role": role, "content": content})


def add_full(key: str, message: dict[str, Any]) -> Operation:
    return Operation("add_full_message", {"key": key, "message": message})


def summary(key: str, text: str) -> Operation:
    return Operation("set_summary", {"key": key, "summary": text})


def truncate(key: str, keep_last: int) -> Operation:
    return Operation("truncate_history", {"key": key, "keep_last": keep_last})


def replace(key: str, *contents: str) -> Operation:
    """A whole new history: a message of the user for each content."""
    history = [{"role": "user", "content": content} for content in contents]
    return Operation("set_history", {"key": key, "history": history})


def compact(key: str) -> Operation:
    return Operation("compact", {"key": key})


def read(key: str) -> Operation:
    return Operation("get_history", {"key": key})


def read_summary(key: str) -> Operation:
    return Operation("get_summary", {"key": key})


LIST = Operation("list_sessions")
REOPEN = Operation("reopen")
MIGRATE = Operation("migrate")
