"""What the store tells about its transcripts."""

from dataclasses import dataclass

from tornwrite.reference.durable.damage import Damage


@dataclass(frozen=True, slots=True)
class TranscriptInfo:
    """A transcript as it is listed.

    Attributes:
        id: the transcript's.
        title: what the user said first, cut after 60 characters.
        created_at: RFC 3339 in UTC with nanoseconds; empty if the file does not say.
        message_count: how many messages are readable.
    """

    id: str
    title: str
    created_at: str
    message_count: int


@dataclass(frozen=True, slots=True)
class TranscriptState:
    """A transcript's file as it is on disk.

    Attributes:
        exists: whether the file has a header or a message.
        messages: how many messages are readable.
        created_at: RFC 3339 in UTC with nanoseconds; empty if the file does not say.
        damage: what is wrong with the file, in its order.
    """

    exists: bool
    messages: int
    created_at: str
    damage: tuple[Damage, ...]
