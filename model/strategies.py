"""Hypothesis strategies for what session stores are asked to hold: keys, messages, sequences.

Everything is plain data that UTF-8 and JSON can hold. Anybody with a store to test may use them:

    @given(history=histories())
    def test_store_reads_back(history): ...
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tornwrite.model import alphabets
from tornwrite.model.alphabets import Alphabet, Content, Key, Message, Messages, OneOf, Values
from tornwrite.model.operation import Operation

PAGE_BYTES = 4096
LARGEST_BYTES = 12 * 1024
"""How long a content from `contents` can be in UTF-8: several pages, and torn between them."""

ORDINARY_KEYS = ("a", "b", "chat:1")
CONFUSABLE_KEYS = ("a:1", "a/1", "a\\1", "a_1")
"""Keys that are one file name where `:`, `/` and `\\` become `_`."""

STRANGE_KEYS = (
    "", ".", "..", "../a", "/", "~", " ", "a.meta", "a.jsonl", "CON", "A", "é", "e\u0301",
    "\U0001f9f5", "\u2028", "\n", "\0", "k" * 200, "k" * 300,
)  # fmt: skip

NASTY_CONTENTS = (
    "", " ", "\n", "one\ntwo\n", "\r\n", '"', "'", "\\", '{"role":', '"}\n{"role":"user"}\n',
    "\u2028\u2029", "\U0001f9f5", "e\u0301", "\ufeff", "\0", "\x01\x1f\x7f\x85", "<&>", "null",
)  # fmt: skip


def keys(*, strange: bool = True, also: Sequence[str] = ()) -> SearchStrategy[str]:
    """Session keys: few ordinary ones, so that operations meet, and rarely any text.

    strange: also those that lossy file names confuse, that are no file name, or too long for one.
    also: more that are ordinary: those of sessions that are there already.
    """
    ordinary = st.sampled_from(tuple(dict.fromkeys((*ORDINARY_KEYS, *also))))
    if not strange:
        return ordinary
    others = (
        st.sampled_from(CONFUSABLE_KEYS),
        st.sampled_from(CONFUSABLE_KEYS),
        st.sampled_from(STRANGE_KEYS),
        st.text(st.characters(codec="utf-8"), max_size=8),
    )
    # Mostly ordinary: a run in which every session has its own key shows little about any.
    return st.sampled_from((*[ordinary] * 5, *others)).flatmap(lambda drawn: drawn)


def contents(*, large: bool = True) -> SearchStrategy[str]:
    """What a message says: empty, lines, quotes, control characters, U+2028, beyond the BMP.

    large: now and then several pages, up to `LARGEST_BYTES`.
    """
    small = st.one_of(
        st.sampled_from(("x", "y", "hello")),
        st.sampled_from(NASTY_CONTENTS),
        st.text(st.characters(codec="utf-8"), max_size=12),
    )
    if not large:
        return small
    # One draw in thirty: a page more is some thousand times the crash states.
    return st.integers(0, 29).flatmap(lambda chance: _large_contents() if chance == 29 else small)


def _large_contents() -> SearchStrategy[str]:
    units = st.sampled_from(("x", "line\n", "\U0001f9f5", '"', "\u2028"))
    sizes = st.sampled_from((511, 512, 513, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1))
    return st.builds(
        lambda unit, size: unit * (size // len(unit.encode())),
        units,
        sizes | st.integers(PAGE_BYTES, LARGEST_BYTES),
    )


ROLES = ("user", "assistant", "system", "tool")


def messages(
    *, texts: SearchStrategy[str] | None = None, extra_fields: bool = True
) -> SearchStrategy[dict[str, Any]]:
    """Chat messages as session stores keep them.

    texts: what they say; `contents()` unless given. extra_fields: also those that only some
    messages have, as an OpenAI-like API gives them: reasoning, media, tool calls, never empty.
    """
    content = contents() if texts is None else texts
    required = {"role": st.sampled_from(ROLES), "content": content}
    if not extra_fields:
        return st.fixed_dictionaries(required)
    label = st.sampled_from(("call_1", "call_2"))
    function = st.fixed_dictionaries(
        {"name": st.just("search"), "arguments": st.sampled_from(("{}", '{"q": "\\"x\\""}'))}
    )
    call = st.fixed_dictionaries({"id": label, "type": st.just("function"), "function": function})
    media = st.lists(st.sampled_from(("file:///a.png", "data:,x")), min_size=1, max_size=2)
    optional = {
        "media": media,
        "reasoning_content": st.sampled_from(("because", "one\ntwo")),
        "tool_calls": st.lists(call, min_size=1, max_size=2),
        "tool_call_id": label,
    }
    plain = st.fixed_dictionaries(required)
    return plain | st.fixed_dictionaries(required, optional=optional)


def histories(
    *, of: SearchStrategy[dict[str, Any]] | None = None, most: int = 4
) -> SearchStrategy[list[dict[str, Any]]]:
    """Lists of messages. of: which; `messages()` unless given. most: how many at most."""
    return st.lists(messages() if of is None else of, max_size=most)


def arguments_of(
    alphabet: Alphabet,
    *,
    of_keys: SearchStrategy[str] | None = None,
    of_messages: SearchStrategy[dict[str, Any]] | None = None,
) -> dict[str, dict[str, SearchStrategy[Any]]]:
    """The operations of an alphabet, and a strategy for each of their arguments; no `reopen`.

    of_keys, of_messages: `keys()` and `messages()` unless given.
    """
    key = keys() if of_keys is None else of_keys
    message = messages() if of_messages is None else of_messages
    return {
        template.name: {
            name: _drawn(argument, key, message) for name, argument in template.arguments.items()
        }
        for template in alphabet.operations
        if template.name != "reopen"
    }


def _drawn(
    argument: Any, key: SearchStrategy[str], message: SearchStrategy[dict[str, Any]]
) -> SearchStrategy[Any]:
    match argument:
        case Key():
            return key
        case Values(strategy=own):
            drawn: SearchStrategy[Any] = own
            return drawn
        case Content():
            return message.map(lambda drawn: drawn["content"])
        case Message():
            return message
        case Messages():
            return histories(of=message)
        case OneOf(values, more):
            each = [_drawn(value, key, message) for value in (*values, *more)]
            return st.sampled_from(each).flatmap(lambda drawn: drawn)
        case Mapping():
            return st.fixed_dictionaries(
                {name: _drawn(value, key, message) for name, value in argument.items()}
            )
        case list() | tuple():
            return st.tuples(*(_drawn(value, key, message) for value in argument)).map(list)
        case _:
            return st.just(argument)


def session_arguments(
    *,
    of_keys: SearchStrategy[str] | None = None,
    of_messages: SearchStrategy[dict[str, Any]] | None = None,
) -> dict[str, dict[str, SearchStrategy[Any]]]:
    """The operations of a session store that write, and a strategy for each of their arguments."""
    found = arguments_of(alphabets.SESSIONS, of_keys=of_keys, of_messages=of_messages)
    del found["migrate"]
    return found


def archive_arguments(
    *,
    of_ids: SearchStrategy[str] | None = None,
    of_messages: SearchStrategy[dict[str, Any]] | None = None,
) -> dict[str, dict[str, SearchStrategy[Any]]]:
    """The operations of an archiving store that write, and a strategy for each argument.

    of_ids, of_messages: `keys()` and `messages()` unless given.
    """
    return arguments_of(alphabets.ARCHIVE, of_keys=of_ids, of_messages=of_messages)


def transcript_arguments(
    *,
    of_ids: SearchStrategy[str] | None = None,
    of_messages: SearchStrategy[dict[str, Any]] | None = None,
) -> dict[str, dict[str, SearchStrategy[Any]]]:
    """The operations of a transcript store, and a strategy for each argument.

    of_ids, of_messages: `keys()` and `messages()` unless given.
    """
    return arguments_of(alphabets.TRANSCRIPTS, of_keys=of_ids, of_messages=of_messages)


def operations(
    arguments: dict[str, dict[str, SearchStrategy[Any]]],
) -> SearchStrategy[Operation]:
    """One operation out of those named, with arguments from their strategies."""

    def one(name: str) -> SearchStrategy[Operation]:
        drawn = st.fixed_dictionaries(arguments[name])
        return drawn.map(lambda values: Operation(name, values))

    return st.one_of([one(name) for name in arguments])


def session_operations(
    *,
    of_keys: SearchStrategy[str] | None = None,
    of_messages: SearchStrategy[dict[str, Any]] | None = None,
    most: int = 12,
) -> SearchStrategy[Sequence[Operation]]:
    """Sequences of operations on a session store, reopening among them.

    of_keys, of_messages: `keys()` and `messages()` unless given. most: how many at most.
    """
    written = session_arguments(of_keys=of_keys, of_messages=of_messages)
    one = operations({**written, "reopen": {}})
    return st.lists(one, max_size=most).map(tuple)
