"""Falling back: a legacy file that cannot be imported hinders the start, until it is taken away."""

from dataclasses import dataclass

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.promises import ATOMIC, DURABLE, MIGRATION, SHARED
from tornwrite.scenarios.backend_driver import ASIDE
from tornwrite.scenarios.manager.session_files import save, session_file
from tornwrite.scenarios.manager_driver import digest
from tornwrite.scenarios.sessions.operations import REOPEN, add, replace, summary, truncate
from tornwrite.scenarios.subject import Scenario

LONE_SURROGATE = session_file("chat:0", "of no use").replace(b"chat:0", rb"\ud800")
"""A whole session whose key has no UTF-8 form."""

OVER_LONG = session_file("k" * 300, "of no use")
"""A whole session whose key is too long for a file name."""

_JSONL: Image = (
    (
        "chat_1.jsonl",
        b'{"role":"user","content":"gone"}\n'
        b'{"role":"user","content":"newer"}\n'
        b'{"role":"user","content":"newest"}\n',
    ),
    (
        "chat_1.meta.json",
        b'{\n  "key": "chat:1",\n  "summary": "so far",\n  "skip": 1,\n  "count": 3,\n'
        b'  "created_at": "2026-01-02T00:00:00.000000000Z",\n'
        b'  "updated_at": "2026-01-02T00:00:00.000000000Z"\n}',
    ),
)
"""A session of the JSONL store, one of whose messages is logically gone."""

_WAITING: Image = (("chat_1.json", session_file("chat:1", "hello", "hi")),)


def _with(messages: tuple[str, ...], text: str = "") -> Observation:
    found = [{"role": "user", "content": content} for content in messages]
    return {"chat:1": {"messages": found, "summary": text}}


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A legacy file that an edition's migration fails on. data: its bytes."""

    data: bytes

    def base(self, file: str, others: Image) -> Image:
        """An image of the others and this file."""
        return tuple(sorted((*others, (file, self.data)), key=lambda entry: entry[0]))

    def start(self, sessions: Observation, *hindered: str) -> Observation:
        """What a reader sees at first. hindered: the file's name, unless it was put aside."""
        return {
            "sessions": sessions,
            "hindered": list(hindered),
            "must_keep": [digest(self.data)],
        }


def _take_away(file: str) -> Operation:
    return Operation("take_away", {"file": file})


def _put_back(file: str) -> Operation:
    return Operation("put_back", {"file": file})


FIRST = "bad.json"
"""Sorts before the files of the sessions."""

LAST = "unfit.json"
"""Sorts after them."""


def fallbacks(hindrance: Hindrance) -> tuple[Scenario, ...]:
    """The scenarios of falling back, in the order in which they are run."""
    return (
        _then_migrated(hindrance),
        _half_migrated(hindrance),
        _both(hindrance),
        _emptied(hindrance),
        _summaries(hindrance),
        _migrated_before(hindrance),
    )


def _then_migrated(hindrance: Hindrance) -> Scenario:
    return Scenario(
        name="fall-back-then-migrate",
        about="a start falls back, twice; changes are saved and not; then nothing hinders it",
        promises=(MIGRATION, DURABLE, ATOMIC),
        base=hindrance.base(FIRST, _WAITING),
        start=hindrance.start(_with(("hello", "hi")), FIRST),
        operations=(
            add("chat:1", "one"),
            save("chat:1"),
            add("chat:1", "not saved"),
            REOPEN,
            add("chat:1", "two"),
            save("chat:1"),
            _take_away(FIRST),
            REOPEN,
        ),
    )


def _half_migrated(hindrance: Hindrance) -> Scenario:
    return Scenario(
        name="fall-back-half-migrated",
        about="files that sort before the one that hinders the start may have been imported by it",
        promises=(MIGRATION, DURABLE, ATOMIC),
        base=hindrance.base(LAST, _WAITING),
        start=hindrance.start(_with(("hello", "hi")), LAST),
        operations=(
            add("chat:1", "one"),
            save("chat:1"),
            _take_away(LAST),
            REOPEN,
        ),
    )


def _both(hindrance: Hindrance) -> Scenario:
    """In memory are the older messages, then the newer; first the former are cut, then all."""
    return Scenario(
        name="fall-back-both",
        about="a session that the JSONL store has too, longer than the file; cut, saved, migrated",
        promises=(MIGRATION, DURABLE, ATOMIC, SHARED),
        base=hindrance.base(FIRST, (*_WAITING, *_JSONL)),
        start=hindrance.start(_with(("hello", "hi", "newer", "newest"), "so far"), FIRST),
        operations=(
            add("chat:1", "one"),
            save("chat:1"),
            truncate("chat:1", 4),
            save("chat:1"),
            truncate("chat:1", 2),
            save("chat:1"),
            _take_away(FIRST),
            REOPEN,
            add("chat:1", "two"),
        ),
    )


def _emptied(hindrance: Hindrance) -> Scenario:
    return Scenario(
        name="fall-back-emptied",
        about="a session of the JSONL store is cut, then emptied and replaced in the fallback",
        promises=(MIGRATION, DURABLE, ATOMIC),
        base=hindrance.base(FIRST + ASIDE, _JSONL),
        start=hindrance.start(_with(("newer", "newest"), "so far")),
        operations=(
            _put_back(FIRST),
            # A process that is killed in these leaves them to one that falls back.
            add("chat:1", "one"),
            truncate("chat:1", 1),
            REOPEN,
            truncate("chat:1", 0),
            save("chat:1"),
            REOPEN,
            replace("chat:1", "newer"),
            save("chat:1"),
            _take_away(FIRST),
            REOPEN,
        ),
    )


def _summaries(hindrance: Hindrance) -> Scenario:
    return Scenario(
        name="fall-back-summaries",
        about="a summary is cleared while the start falls back, another is set first of all",
        promises=(MIGRATION, DURABLE, ATOMIC),
        base=hindrance.base(FIRST, _JSONL),
        start=hindrance.start(_with(("newer", "newest"), "so far"), FIRST),
        operations=(
            summary("chat:1", ""),
            save("chat:1"),
            summary("chat:3", "nothing said yet"),
            save("chat:3"),
            _take_away(FIRST),
            REOPEN,
            add("chat:1", "one"),
        ),
    )


def _migrated_before(hindrance: Hindrance) -> Scenario:
    return Scenario(
        name="migrate-then-fall-back",
        about="a start migrates; what hinders the next one comes later, and goes again",
        promises=(MIGRATION, DURABLE, ATOMIC),
        base=hindrance.base(LAST + ASIDE, _WAITING),
        start=hindrance.start(_with(("hello", "hi"))),
        operations=(
            _put_back(LAST),
            # A process that is killed in these leaves them to one that falls back.
            add("chat:1", "one"),
            truncate("chat:1", 2),
            REOPEN,
            add("chat:1", "two"),
            save("chat:1"),
            _take_away(LAST),
            REOPEN,
            add("chat:1", "three"),
        ),
    )
