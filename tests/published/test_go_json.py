"""The published stores read and write JSON as Go does."""

from typing import Any

import pytest

from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.messages import decode_line, encode_line, take
from tornwrite.reference.published.metadata import (
    SessionMeta,
    decode_meta,
    encode_meta,
    format_time,
)

EMPTY = {"role": "", "content": ""}


@pytest.mark.parametrize("line", [b"null", b"{}", b' {"role":null} ', b'{"unknown":[1,2.5,true]}'])
def test_what_has_no_known_field_is_an_empty_message(line: bytes) -> None:
    assert decode_line(line) == EMPTY


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"7",
        b'"text"',
        b"true",
        b'{"role":',
        b'{"role":1}',
        b'{"media":"one"}',
        b'{"media":[1]}',
        b'{"tool_calls":{}}',
        b'{"tool_calls":[[]]}',
        b'{"x":NaN}',
        b'{"x":-Infinity}',
        b'{"x":01}',
        b'{"role":"a\tb"}',
        b'{"role":"a"}{"role":"b"}',
        b"\xef\xbb\xbf{}",
        b"\x00\x00",
        b"[" * 100_000,
    ],
)
def test_what_go_would_not_unmarshal_into_a_message_is_refused(line: bytes) -> None:
    with pytest.raises(StoreError):
        decode_line(line)


def test_names_match_in_any_case_and_the_last_wins() -> None:
    line = b'{"role":"a","ROLE":"b","\\u017fystem_parts":[{}],"ContenT":"c"}'
    assert decode_line(line) == {
        "role": "b",
        "content": "c",
        "system_parts": [{"type": "", "text": ""}],
    }


def test_fields_come_in_the_structs_order_and_empty_ones_are_omitted() -> None:
    message: dict[str, Any] = {
        "tool_call_id": "t",
        "tool_calls": [
            {
                "extra_content": {"google": {"thought_signature": "s"}},
                "function": {"thought_signature": "", "arguments": "{}", "name": "f"},
                "type": "",
                "id": "1",
            },
            {"function": {}, "extra_content": {"google": {}}},
            None,
        ],
        "media": [],
        "system_parts": [{"cache_control": {"type": "ephemeral"}, "text": "t", "type": "text"}],
        "reasoning_content": "",
        "content": "c",
        "model_name": "unknown to this release",
    }
    assert encode_line(take(message)) == (
        b'{"role":"","content":"c",'
        b'"system_parts":[{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}],'
        b'"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"},'
        b'"extra_content":{"google":{"thought_signature":"s"}}},'
        b'{"id":"","function":{"name":"","arguments":""},"extra_content":{"google":{}}},'
        b'{"id":""}],"tool_call_id":"t"}\n'
    )


def test_only_gos_characters_are_escaped() -> None:
    text = '<>&\u2028\u2029\u0000\u001f\b\f\n\r\t\x7f"\\/é\U0001f680\ufffd'
    assert encode_line({"content": text}) == (
        b'{"content":"\\u003c\\u003e\\u0026\\u2028\\u2029\\u0000\\u001f\\b\\f\\n\\r\\t\x7f\\"\\\\/'
        + "é\U0001f680\ufffd".encode()
        + b'"}\n'
    )


def test_bytes_that_are_not_utf_8_are_replaced_one_by_one() -> None:
    assert decode_line(b'{"content":"a\xe4\xb8b\xff\xed\xa0\x80"}')["content"] == (
        "a\ufffd\ufffdb\ufffd\ufffd\ufffd\ufffd"
    )


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert decode_line(rb'{"content":"\ud800\ud83d\ude80\udc00"}')["content"] == "\ufffd🚀\ufffd"
    assert encode_line({"content": "\udc80"}) == b'{"content":"\\ufffd"}\n'


def test_a_message_of_the_wrong_kind_is_refused_before_anything_is_written() -> None:
    with pytest.raises(StoreError, match="a number into a string"):
        take({"role": "user", "content": 1})


@pytest.mark.parametrize("value", ["1.0", "1e3", '"1"', "true", str(2**63), "9" * 5000])
def test_a_count_that_is_not_a_go_int_is_refused(value: str) -> None:
    with pytest.raises(StoreError):
        decode_meta(f'{{"count":{value}}}'.encode())


@pytest.mark.parametrize(
    "time",
    ["", "yesterday", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z"],
)
def test_a_time_that_is_not_rfc_3339_is_refused(time: str) -> None:
    with pytest.raises(StoreError, match="RFC 3339"):
        decode_meta(f'{{"created_at":"{time}"}}'.encode())


def test_metadata_of_null_is_the_zero_value() -> None:
    assert decode_meta(b"null") == SessionMeta()
    assert encode_meta(SessionMeta()) == (
        b'{\n  "key": "",\n  "summary": "",\n  "skip": 0,\n  "count": 0,\n'
        b'  "created_at": "0001-01-01T00:00:00Z",\n  "updated_at": "0001-01-01T00:00:00Z"\n}'
    )


def test_new_times_have_nine_digits() -> None:
    assert format_time(0) == "1970-01-01T00:00:00.000000000Z"
    assert format_time(1_763_000_000_120_000_000) == "2025-11-13T02:13:20.120000000Z"
