"""What is wrong with a history: from two lists of messages to a kind of finding and a sentence.

What the models of all stores that keep messages by id say in the same way.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tornwrite.model import promises
from tornwrite.model.operation import Observation, Operation, canonical, shortened
from tornwrite.model.verdict import Kind, Promise, Violation

History: TypeAlias = Mapping[str, Any]
"""One history as it was seen: its "messages", what else a reader sees of it, or an "error"."""

Messages: TypeAlias = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How one kind of store is spoken of.

    part: what of a view its histories are, by id. argument: the one of an operation that says which
    history it is about. adding: the operations that add a message. nothing: what an id reads like
    that has no history. describe: a history in words, unless it could not be read. otherwise: what
    is wrong with one (the first) although its messages are among the permitted ones (the second);
    the third are those of the past.
    """

    part: str
    argument: str
    adding: frozenset[str]
    nothing: History
    describe: Callable[[History], str]
    otherwise: Callable[[History, Sequence[History], Sequence[History]], tuple[Kind, str]]

    def of(self, view: Observation, name: str) -> History:
        """The history of that id in the view."""
        found: History = view[self.part].get(name, self.nothing)
        return found

    def said(self, history: History) -> str:
        """The history in words."""
        if "error" in history:
            return f"an error ({history['error']})"
        return self.describe(history)


def wrong_history(
    words: Vocabulary,
    observed: Observation,
    permitted: Sequence[Observation],
    past: Sequence[Observation],
    after: Sequence[Operation],
) -> Violation | None:
    """The first and gravest thing wrong with a history; None if each by itself is a permitted one.

    observed: a view, or `{"error": TEXT}` where nothing could be seen. permitted, past: views.
    after: the operations since the recovery.
    """
    if "error" in observed:
        return Violation(
            Kind.UNREADABLE,
            promises.DURABLE if after else promises.DAMAGE,
            "the store",
            "the store opens and works on what the crash left",
            observed["error"],
            done(words, after, None),
        )
    names = sorted(
        {name for view in permitted for name in view[words.part]} | {*observed[words.part]}
    )
    for name in names:
        found = words.of(observed, name)
        if "error" in found:
            return Violation(
                Kind.UNREADABLE,
                promises.DAMAGE,
                name,
                either(words.said(words.of(view, name)) for view in permitted),
                f"reading fails: {found['error']}",
                done(words, after, None),
            )
    for name in names:
        found = words.of(observed, name)
        if not any(equal(found, words.of(view, name)) for view in permitted):
            return _of_one(words, name, found, permitted, past, after)
    return None


def not_together(words: Vocabulary, after: Sequence[Operation], what: str) -> Violation:
    """What is said where each thing is a permitted one and all of them are not. what: things."""
    return Violation(
        Kind.TORN,
        promises.ATOMIC,
        "the store",
        "one of the states before or after the operation in flight",
        f"{what} that are each right, but not together",
        done(words, after, None),
    )


def done(words: Vocabulary, after: Sequence[Operation], name: str | None) -> str:
    """What was done between the recovery and the look, as far as it is about that history."""
    if not after:
        return ""
    own = [one for one in after if one.arguments.get(words.argument) == name]
    return "the recovery, then " + ", then ".join(str(operation) for operation in own or after)


def _of_one(
    words: Vocabulary,
    name: str,
    found: History,
    permitted: Sequence[Observation],
    past: Sequence[Observation],
    after: Sequence[Operation],
) -> Violation:
    views = [*past, *permitted]
    allowed = [words.of(view, name) for view in permitted]
    kind, detail = _messages_kind(
        found["messages"],
        [one["messages"] for one in allowed],
        written={*_encoded(words.of(view, name) for view in views)},
        elsewhere={
            *_encoded(
                history
                for view in views
                for other, history in view[words.part].items()
                if other != name
            )
        },
    ) or _otherwise(words, found, allowed, [words.of(view, name) for view in past])
    return Violation(
        kind,
        _promise(words, kind, after, name, _ends_alike(found, allowed)),
        name,
        either(map(words.said, allowed)),
        f"{words.said(found)}; {detail}",
        done(words, after, name),
    )


def _otherwise(
    words: Vocabulary, found: History, allowed: Sequence[History], past: Sequence[History]
) -> tuple[Kind, str]:
    """What is wrong with a history whose messages are among the allowed ones."""
    kind, detail = words.otherwise(found, allowed, past)
    if kind is Kind.TORN and any(equal(found, one) for one in past):
        return Kind.LOST, "it reads as it did before an acknowledged change"
    return kind, detail


def _encoded(histories: Iterable[History]) -> Iterator[bytes]:
    for history in histories:
        yield from map(canonical, history["messages"])


def _messages_kind(
    found: Messages,
    allowed: Sequence[Messages],
    *,
    written: Collection[bytes],
    elsewhere: Collection[bytes],
) -> tuple[Kind, str] | None:
    """What is wrong with the messages; None if they are among the allowed ones.

    written: every message that the history ever had. elsewhere: those of other histories.
    """
    messages = list(map(canonical, found))
    lists = [list(map(canonical, one)) for one in allowed]
    if messages in lists:
        return None
    for message, encoded in zip(found, messages, strict=True):
        if encoded not in written:
            return _unwritten(message, written, encoded in elsewhere)
    # Of two as near the longer: what is missing is graver than what is back.
    nearest = min(lists, key=lambda one: (_distance(messages, one), -len(one)))
    missing = Counter(nearest) - Counter(messages)
    extra = Counter(messages) - Counter(nearest)
    if missing:
        gone = shortened(next(iter(missing)).decode())
        return Kind.LOST, f"{sum(missing.values())} missing, among them {gone}"
    if extra:
        more = next(iter(extra))
        if more in nearest:
            return Kind.DUPLICATED, f"{shortened(more.decode())} is there more than once"
        back = shortened(more.decode())
        return Kind.RESURRECTED, f"{sum(extra.values())} back, among them {back}"
    return Kind.REORDERED, "the same messages in another order"


def _unwritten(message: Any, written: Collection[bytes], leaked: bool) -> tuple[Kind, str]:
    shown = shortened(message)
    if leaked:
        return Kind.LEAKED, f"{shown} belongs to another session"
    if _is_part(message, written):
        return Kind.TORN, f"{shown} is part of a message"
    return Kind.PHANTOM, f"{shown} was never written"


def _distance(first: list[bytes], second: list[bytes]) -> int:
    one, two = Counter(first), Counter(second)
    return sum(((one - two) + (two - one)).values())


def _is_part(message: Any, written: Collection[bytes]) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content:
        return False
    encoded = canonical(content)[1:-1]
    return any(encoded in whole for whole in written)


def _promise(
    words: Vocabulary, kind: Kind, after: Sequence[Operation], name: str, last_is_there: bool
) -> Promise:
    if kind is Kind.LEAKED:
        return promises.KEYS
    if kind is Kind.DRIFTED:
        return promises.LISTED
    about = [one.name for one in after if one.arguments.get(words.argument) == name]
    if not words.adding.isdisjoint(about) and not (kind is Kind.LOST and last_is_there):
        return promises.TORN_TAIL
    return promises.DURABLE if kind is Kind.LOST else promises.ATOMIC


def _ends_alike(found: History, allowed: Sequence[History]) -> bool:
    """Whether the last message is one that may be the last."""
    last = found["messages"][-1:]
    return bool(last) and any(equal(last, one["messages"][-1:]) for one in allowed)


def equal(first: Any, second: Any) -> bool:
    """Whether two pieces of plain data are the same."""
    return canonical(first) == canonical(second)


def either(choices: Iterable[object]) -> str:
    """The choices in words, each once, the many that are left counted."""
    distinct = list(dict.fromkeys(map(str, choices)))
    shown = " or ".join(distinct[:3])
    return shown + (f" or {len(distinct) - 3} more" if len(distinct) > 3 else "")


def counted(messages: Messages) -> str:
    """The messages in words: how many, and the first and last of them."""
    if not messages:
        return "no messages"
    shown = [shortened(_content(message), 30) for message in messages]
    if len(shown) > 6:
        shown = [*shown[:2], "…", *shown[-3:]]
    plural = "message" if len(messages) == 1 else "messages"
    return f"{len(messages)} {plural} [{', '.join(shown)}]"


def _content(message: Any) -> Any:
    if isinstance(message, dict) and set(message) == {"role", "content"}:
        return message["content"]
    return message
