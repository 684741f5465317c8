"""The strategies: what they promise to make, and that what they make is what stores must hold."""

import orjson
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from tornwrite.model.operation import Operation, canonical
from tornwrite.model.sessions import SessionModel, Sessions
from tornwrite.model.strategies import (
    CONFUSABLE_KEYS,
    LARGEST_BYTES,
    PAGE_BYTES,
    contents,
    histories,
    keys,
    messages,
    session_operations,
)
from tornwrite.reference.published import messages as published_messages

RUN = settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    # A page of text is slow to draw, and rare.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEARCH = settings(RUN, max_examples=2000)


@RUN
@given(text=contents(), key=keys())
def test_texts_are_plain_and_utf8_can_hold_them(text: str, key: str) -> None:
    assert type(text) is type(key) is str
    assert len(text.encode()) <= LARGEST_BYTES
    key.encode()


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(lambda text: text == "", id="empty"),
        pytest.param(lambda text: "\n" in text.strip("\n"), id="several lines"),
        pytest.param(lambda text: any(ord(one) > 0xFFFF for one in text), id="beyond the BMP"),
        pytest.param(lambda text: "\u2028" in text, id="U+2028"),
        pytest.param(lambda text: text.count('"') % 2 == 1, id="a lone quote"),
        pytest.param(lambda text: "\0" in text, id="NUL"),
        pytest.param(
            lambda text: any(one < " " and one not in "\n\0" for one in text), id="control"
        ),
        pytest.param(lambda text: len(text.encode()) > 2 * PAGE_BYTES, id="several pages"),
    ],
)
def test_contents_hold_what_breaks_stores(wanted) -> None:
    find(contents(), wanted, settings=SEARCH)


def test_contents_are_small_when_asked() -> None:
    @RUN
    @given(contents(large=False))
    def check(text: str) -> None:
        assert len(text.encode()) < 512

    check()


@pytest.mark.parametrize("key", [*CONFUSABLE_KEYS, "", ".", "..", "\0", "k" * 300])
def test_keys_hold_the_names_that_files_cannot_have(key: str) -> None:
    assert find(keys(), lambda drawn: drawn == key, settings=SEARCH) == key


def test_keys_are_few_and_ordinary_when_asked() -> None:
    @RUN
    @given(keys(strange=False))
    def check(key: str) -> None:
        assert key in ("a", "b", "chat:1")

    check()


@RUN
@given(message=messages())
def test_messages_are_kept_by_json_and_by_the_message_format(message) -> None:
    assert orjson.loads(canonical(message)) == message
    # Or a store that keeps the format's fields would be blamed for losing others.
    assert published_messages.take(message) == message


def test_messages_say_what_the_given_strategy_says() -> None:
    @RUN
    @given(messages(texts=st.just("mine"), extra_fields=False))
    def check(message) -> None:
        assert message.keys() == {"role", "content"}
        assert message["content"] == "mine"

    check()


@RUN
@given(history=histories(most=3))
def test_histories_are_short_lists_of_messages(history) -> None:
    assert len(history) <= 3
    assert all(message["role"] for message in history)


@RUN
@given(operations=session_operations(most=5))
def test_sequences_are_operations_that_the_model_knows(operations) -> None:
    model = SessionModel()
    state = Sessions()
    assert len(operations) <= 5
    for operation in operations:
        assert isinstance(operation, Operation)
        state = model.step(state, operation)


def test_sequences_use_every_operation() -> None:
    seen: set[str] = set()

    @settings(RUN, max_examples=60)
    @given(session_operations(of_keys=keys(strange=False)))
    def collect(operations) -> None:
        seen.update(operation.name for operation in operations)

    collect()
    assert seen == {
        "add_message",
        "add_full_message",
        "set_summary",
        "truncate_history",
        "set_history",
        "compact",
        "reopen",
    }
