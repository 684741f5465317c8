"""What is wrong with a session: from two lists of messages to a kind of finding and a sentence."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tornwrite.model import promises
from tornwrite.model.operation import Observation, Operation, canonical, shortened
from tornwrite.model.verdict import Kind, Promise, Violation


def explain_sessions(
    observed: Observation,
    permitted: Sequence[Observation],
    past: Sequence[Observation],
    after: Sequence[Operation],
) -> Violation:
    """The first and gravest thing wrong with an observation that is none of the permitted ones."""
    done = _done(after, None)
    if "error" in observed:
        return Violation(
            Kind.UNREADABLE,
            promises.DURABLE if after else promises.DAMAGE,
            "the store",
            "the store opens and works on what the crash left",
            observed["error"],
            done,
        )
    sessions = observed["sessions"]
    keys = sorted({key for view in permitted for key in view["sessions"]} | set(sessions))
    for key in keys:
        found = sessions.get(key, _NOTHING)
        if "error" in found:
            return Violation(
                Kind.UNREADABLE,
                promises.DAMAGE,
                key,
                _said(permitted, key),
                f"reading fails: {found['error']}",
                done,
            )
    for key in keys:
        found = sessions.get(key, _NOTHING)
        allowed = [view["sessions"].get(key, _NOTHING) for view in permitted]
        if not any(_equal(found, one) for one in allowed):
            return _session(key, found, allowed, permitted, past, after)
    return _files(observed, permitted, done)


_NOTHING: dict[str, Any] = {"messages": [], "summary": ""}


def _equal(first: Any, second: Any) -> bool:
    return canonical(first) == canonical(second)


def _session(
    key: str,
    found: dict[str, Any],
    allowed: list[dict[str, Any]],
    permitted: Sequence[Observation],
    past: Sequence[Observation],
    after: Sequence[Operation],
) -> Violation:
    written = {canonical(m) for view in past for m in _messages(view, key)}
    written |= {canonical(m) for view in permitted for m in _messages(view, key)}
    elsewhere = {
        canonical(message)
        for view in [*past, *permitted]
        for other in view["sessions"]
        if other != key
        for message in view["sessions"][other]["messages"]
    }
    kind, detail = _kind(found, allowed, written, elsewhere, past, key)
    migrated = any(operation.name == "migrate" for operation in after)
    if migrated and kind is not Kind.LOST:
        kind = Kind.NOT_IDEMPOTENT
    return Violation(
        kind,
        _promise(kind, after, key),
        key,
        _said(permitted, key),
        f"{_describe(found)}; {detail}",
        _done(after, key),
    )


def _done(after: Sequence[Operation], key: str | None) -> str:
    """What was done between the recovery and the look, as far as it is about the session."""
    if not after:
        return ""
    own = [operation for operation in after if operation.arguments.get("key") == key]
    return "the recovery, then " + ", then ".join(str(operation) for operation in own or after)


def _kind(
    found: dict[str, Any],
    allowed: list[dict[str, Any]],
    written: set[bytes],
    elsewhere: set[bytes],
    past: Sequence[Observation],
    key: str,
) -> tuple[Kind, str]:
    messages = [canonical(message) for message in found["messages"]]
    lists = [[canonical(message) for message in one["messages"]] for one in allowed]
    if messages in lists:
        return _summary_kind(found, allowed, past, key)
    for position, message in enumerate(messages):
        if message not in written:
            shown = shortened(found["messages"][position])
            if message in elsewhere:
                return Kind.LEAKED, f"{shown} belongs to another session"
            if _is_part(found["messages"][position], written):
                return Kind.TORN, f"{shown} is part of a message"
            return Kind.PHANTOM, f"{shown} was never written"
    nearest = min(lists, key=lambda one: _distance(messages, one))
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


def _summary_kind(
    found: dict[str, Any],
    allowed: list[dict[str, Any]],
    past: Sequence[Observation],
    key: str,
) -> tuple[Kind, str]:
    summaries = {one["summary"] for one in allowed}
    if found["summary"] in summaries:
        return Kind.TORN, "messages and summary are each right, but not together"
    before = {view["sessions"].get(key, _NOTHING)["summary"] for view in past}
    if found["summary"] in before:
        return Kind.LOST, f"the summary is an older one, {shortened(found['summary'])}"
    return Kind.PHANTOM, f"the summary {shortened(found['summary'])} was never set"


def _distance(first: list[bytes], second: list[bytes]) -> int:
    one, two = Counter(first), Counter(second)
    return sum(((one - two) + (two - one)).values())


def _is_part(message: Any, written: set[bytes]) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str) or not content:
        return False
    encoded = canonical(content)[1:-1]
    return any(encoded in whole for whole in written)


def _promise(kind: Kind, after: Sequence[Operation], key: str) -> Promise:
    if kind is Kind.LEAKED:
        return promises.KEYS
    if any(operation.name == "migrate" for operation in after):
        return promises.MIGRATION
    if any(op.arguments.get("key") == key and op.name.startswith("add") for op in after):
        return promises.TORN_TAIL
    if kind is Kind.LOST:
        return promises.DURABLE
    return promises.ATOMIC


def _files(observed: Observation, permitted: Sequence[Observation], done: str) -> Violation:
    """The sessions are each as promised: it is the legacy files, or what does not go together."""
    if observed["unlisted"]:
        return Violation(
            Kind.LOST,
            promises.KEYS,
            ", ".join(observed["unlisted"]),
            "every session that holds something is listed under its key",
            f"not listed: {', '.join(observed['unlisted'])}",
            done,
        )
    backups, pending = observed["backups"], observed["pending"]
    if not any(_equal(backups, view["backups"]) for view in permitted):
        return Violation(
            Kind.LOST,
            promises.MIGRATION,
            "legacy files",
            "originals stay as backups: " + _either(sorted(view["backups"]) for view in permitted),
            f"backups: {sorted(backups)}, still waiting: {sorted(pending)}",
            done,
        )
    if not any(_equal(pending, view["pending"]) for view in permitted):
        return Violation(
            Kind.RESURRECTED,
            promises.MIGRATION,
            "legacy files",
            "still waiting: " + _either(sorted(view["pending"]) for view in permitted),
            f"still waiting: {sorted(pending)}",
            done,
        )
    return Violation(
        Kind.TORN,
        promises.ATOMIC,
        "the store",
        "one of the states before or after the operation in flight",
        "sessions or files that are each right, but not together",
        done,
    )


def _messages(view: Observation, key: str) -> list[Any]:
    messages: list[Any] = view["sessions"].get(key, _NOTHING)["messages"]
    return messages


def _said(permitted: Sequence[Observation], key: str) -> str:
    return _either(_describe(view["sessions"].get(key, _NOTHING)) for view in permitted)


def _either(choices: Any) -> str:
    distinct = list(dict.fromkeys(str(choice) for choice in choices))
    shown = " or ".join(distinct[:3])
    return shown + (f" or {len(distinct) - 3} more" if len(distinct) > 3 else "")


def _describe(session: dict[str, Any]) -> str:
    if "error" in session:
        return f"an error ({session['error']})"
    messages = session["messages"]
    summary = f", summary {shortened(session['summary'], 40)}" if session["summary"] else ""
    if not messages:
        return f"no messages{summary}"
    shown = [shortened(_content(message), 30) for message in messages]
    if len(shown) > 6:
        shown = [*shown[:2], "…", *shown[-3:]]
    plural = "message" if len(messages) == 1 else "messages"
    return f"{len(messages)} {plural} [{', '.join(shown)}]{summary}"


def _content(message: Any) -> Any:
    if isinstance(message, dict) and set(message) == {"role", "content"}:
        return message["content"]
    return message
