"""The checksum in a line is no part of the message, and what is wrong with it never becomes one."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornwrite.reference.durable import sealing
from tornwrite.reference.durable.json_lines import (
    decode_line,
    decode_lines,
    decode_plain_line,
    encode_line,
    encode_plain_line,
    plain_line,
    sealed_line,
)
from tornwrite.reference.durable.lines import split_lines

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MESSAGES = st.dictionaries(TEXT | st.just("crc32"), VALUES | st.just("0123abcd"), max_size=3)
MESSAGE = {"role": "user", "content": "ü <\u2028"}
LINE = encode_line(MESSAGE).rstrip(b"\n")


@given(MESSAGES)
def test_a_message_comes_back_from_its_line_alone_and_among_others(message: dict[str, Any]) -> None:
    line = encode_line(message).rstrip(b"\n")
    assert decode_line(line) == message
    assert decode_lines([line, LINE]) == [message, MESSAGE]
    assert plain_line(line) == orjson.dumps(message)
    assert sealed_line(encode_plain_line(message)) == line + b"\n"
    assert line.count(b"\n") == 0
    assert "crc32" in json.loads(line)


@given(MESSAGES, MESSAGES, st.data())
def test_lines_are_read_alike_alone_and_among_others_whatever_happens_to_a_byte(
    first: dict[str, Any], second: dict[str, Any], data: st.DataObject
) -> None:
    line = encode_line(first).rstrip(b"\n")
    at = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:at] + bytes([data.draw(st.integers(0, 255))]) + line[at + 1 :]
    for other in (encode_line(second)[:-1], orjson.dumps(second)):
        for lines in ([damaged], [damaged, other], [other, damaged]):
            assert decode_lines(lines) == [decode_line(one) for one in lines]
    assert decode_line(damaged) in (first, None)


@pytest.mark.parametrize(
    "again",
    [
        lambda line: json.dumps(json.loads(line)).encode(),
        lambda line: json.dumps(json.loads(line), indent=1).replace("\n", " ").encode(),
        lambda line: line.replace(b"<", b"\\u003c"),
        lambda line: line + b"\r",
        lambda line: line[:-11] + line[-11:-2].upper() + line[-2:],
    ],
)
def test_a_line_that_another_program_encoded_in_its_way_is_right(again: Any) -> None:
    line = again(LINE)
    assert decode_line(line) == MESSAGE
    assert decode_lines([line]) == [MESSAGE]
    assert orjson.loads(plain_line(line)) == MESSAGE


def test_a_line_that_another_program_changed_and_left_its_checksum_on_is_damaged() -> None:
    assert decode_line(LINE.replace(b"<", b">")) is None
    assert decode_line(json.dumps(json.loads(LINE) | {"role": "tool"}).encode()) is None


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "plain"},
        {"crc32": "none"},
        {"crc32": 12345678},
        {"crc32": "0123abcd", "last": True},
        {"sha1": "0123abcd"},
        {},
    ],
)
def test_a_line_without_a_checksum_is_read_as_always(message: dict[str, Any]) -> None:
    line = orjson.dumps(message)
    assert decode_line(line) == message
    assert decode_lines([line, line]) == [message, message]
    assert plain_line(line) == line


def test_what_was_imported_is_sealed_to_the_letter() -> None:
    for text in (b'{"f":1.10,"s":"\\ud800"}', b'{"n":123456789012345678901234567890}', b"{ }"):
        line = sealed_line(b" " + text + b"\r\n")
        assert decode_line(line[:-1]) == decode_plain_line(text)
        assert plain_line(line[:-1]).replace(b" ", b"") == text.replace(b" ", b"")


def test_two_lines_without_the_newline_between_them_are_two() -> None:
    for between in (b" ", b"\xff", b"J", b"\0" * 500, b"\xff" * 100, b'{"role":"us\0\0\0'):
        lines = split_lines(LINE + between + LINE + b"\n")
        assert lines.history() == [MESSAGE, MESSAGE]
        assert list(lines.damage("file"))


def test_a_line_with_damaged_punctuation_after_the_message_is_read_and_told() -> None:
    for at in range(len(LINE) - sealing.SEAL_BYTES, len(LINE)):
        if at not in range(len(LINE) - 10, len(LINE) - 2):
            lines = split_lines(LINE[:at] + b"?" + LINE[at + 1 :] + b"\n" + LINE)
            assert lines.history() == [MESSAGE, MESSAGE]
            assert len(list(lines.damage("file"))) == 1


def test_a_checksum_alone_makes_no_message() -> None:
    assert decode_line(LINE[-sealing.SEAL_BYTES :]) is None
    assert decode_line(b"{" + LINE[1 - sealing.SEAL_BYTES :]) is None
