"""What could not be read back exactly is refused before anything is written."""

import datetime
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, MessageRefused, SummaryRefused


@dataclass
class Point:
    x: int


def nested(depth: int) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for _ in range(depth):
        message = {"m": message}
    return message


INEXACT = {
    "tuple": {"a": (1, 2)},
    "nan": {"a": float("nan")},
    "infinity": {"a": [{"b": float("-inf")}]},
    "number as a name": {1: "a"},
    "none as a name": {"a": {None: 1}},
    "65 bits": {"a": 1 << 64},
    "65 bits negative": {"a": -(1 << 63) - 1},
    "surrogate": {"a": "\ud800"},
    "surrogate in a name": {"\udc00": 1},
    "bytes": {"a": b"x"},
    "set": {"a": {1}},
    "uuid": {"a": uuid.UUID(int=0)},
    "date": {"a": datetime.date(2026, 1, 1)},
    "dataclass": {"a": Point(1)},
    "subclass": {"a": OrderedDict(b=1)},
    "too deep": nested(2000),
}


@pytest.mark.parametrize("message", INEXACT.values(), ids=INEXACT)
def test_what_would_be_read_back_differently_is_refused(
    store: JSONLStore, directory: Path, message: dict[str, Any]
) -> None:
    with pytest.raises(MessageRefused):
        store.add_full_message("k", message)
    with pytest.raises(MessageRefused):
        store.set_history("k", [{"fine": 1}, message])
    assert [path.name for path in directory.iterdir()] == [".lock"]


@pytest.mark.parametrize("message", [[], "text", None, 3, [("a", 1)]], ids=repr)
def test_what_is_no_mapping_is_refused(store: JSONLStore, message: Any) -> None:
    with pytest.raises(MessageRefused, match="a message is a mapping"):
        store.add_full_message("k", message)


def test_the_refusal_names_the_place(store: JSONLStore) -> None:
    with pytest.raises(MessageRefused, match=r"message\['a'\]\[1\]\['b'\] is NaN"):
        store.add_full_message("k", {"a": [0, {"b": float("nan")}]})
    with pytest.raises(MessageRefused, match=r"message\['t'\] is a tuple"):
        store.add_full_message("k", {"t": ()})


def test_any_mapping_will_do_for_the_message_itself(store: JSONLStore) -> None:
    store.add_full_message("k", MappingProxyType({"a": 1}))
    store.add_full_message("k", OrderedDict(b=2))
    store.add_full_message("k", {})
    assert store.get_history("k") == [{"a": 1}, {"b": 2}, {}]
    store.truncate_history("k", 2)
    store.compact("k")
    assert store.get_history("k") == [{"b": 2}, {}]


@pytest.mark.parametrize("summary", [None, 3, "\ud800"], ids=repr)
def test_a_summary_that_is_not_text_is_refused(
    store: JSONLStore, directory: Path, summary: str
) -> None:
    with pytest.raises(SummaryRefused):
        store.set_summary("k", summary)
    assert [path.name for path in directory.iterdir()] == [".lock"]
