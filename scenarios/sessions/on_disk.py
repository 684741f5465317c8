"""What lies on the disk before a scenario of session stores: files, and what they read as."""

from zlib import crc32

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation


def line(content: str) -> bytes:
    """A message of the user, as a line."""
    return b'{"role":"user","content":"%s"}\n' % content.encode()


def sealed(content: str) -> bytes:
    """The same line with its checksum, as the reference store writes it."""
    text = line(content)[:-2]
    return b'%b,"crc32":"%08x"}\n' % (text, crc32(text))


def metadata(count: int, skip: int = 0) -> bytes:
    """The metadata file of session chat:1."""
    return (
        b'{\n  "key": "chat:1",\n  "summary": "",\n  "skip": %d,\n  "count": %d,\n'
        b'  "created_at": "2026-01-01T00:00:00.000000000Z",\n'
        b'  "updated_at": "2026-01-01T00:00:00.000000000Z"\n}' % (skip, count)
    )


def left(data: bytes, count: int = 2) -> Image:
    """The two files of session chat:1. data: the lines. count: what the metadata says of them."""
    return (("chat_1.jsonl", data), ("chat_1.meta.json", metadata(count)))


def holding(*contents: str, key: str = "chat:1", damaged: bytes = b"") -> Observation:
    """What a reader sees of it. damaged: bytes that have to be kept."""
    messages = [{"role": "user", "content": content} for content in contents]
    return {
        "sessions": {key: {"messages": messages, "summary": ""}},
        "must_keep": [repr(damaged)] if damaged else [],
    }
