"""The message struct of the published session stores. Never repaired: see the package.

A message in Python is a dict of what Go would write: `role` and `content` always, the others in
their order unless empty. The fields of later releases (`model_name`, `created_at`, `attachments`)
are unknown to this one and are lost whenever it rewrites a line, as all unknown fields are.
"""

from collections.abc import Iterable, Mapping

from tornwrite.reference.published import go_json
from tornwrite.reference.published.go_json import Field, read_string

Message = dict[str, object]


def _string(name: str, *, omit_empty: bool = False) -> Field:
    return Field(name, read_string, str, omit_empty)


def _pointer(name: str, *fields: Field) -> Field:
    return Field(name, go_json.struct_reader(fields), lambda: None, omit_empty=True)


def _list(name: str, *fields: Field) -> Field:
    read = go_json.struct_reader(fields)
    return Field(name, go_json.list_reader(read, lambda: read(None)), list, omit_empty=True)


_signature = _string("thought_signature", omit_empty=True)

read_message = go_json.struct_reader(
    (
        _string("role"),
        _string("content"),
        Field("media", go_json.list_reader(read_string, str), list, omit_empty=True),
        _string("reasoning_content", omit_empty=True),
        _list(
            "system_parts",
            _string("type"),
            _string("text"),
            _pointer("cache_control", _string("type")),
        ),
        _list(
            "tool_calls",
            _string("id"),
            _string("type", omit_empty=True),
            _pointer("function", _string("name"), _string("arguments"), _signature),
            _pointer("extra_content", _pointer("google", _signature)),
        ),
        _string("tool_call_id", omit_empty=True),
    )
)

read_messages = go_json.list_reader(read_message, lambda: read_message(None))


def decode_line(line: bytes) -> Message:
    """One line as a message. Raises StoreError if it is none."""
    return read_message(go_json.loads(line))


def encode_line(message: Message) -> bytes:
    """The line, with its newline, of a message from `take` or `decode_line`."""
    return go_json.dumps(message) + b"\n"


def encode_lines(messages: Iterable[Message]) -> bytes:
    return b"".join(map(encode_line, messages))


def take(message: Mapping[str, object]) -> Message:
    """A caller's message as the struct would hold it.

    Raises:
        StoreError: a field is of the wrong kind, which Go would not have compiled.
    """
    return read_message(go_json.from_python(message))
