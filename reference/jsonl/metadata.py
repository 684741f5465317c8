"""The metadata file of a session: what it holds, how it is read and written.

Beside the original program's fields it may have

- `data_generation`: how often the data file was rewritten; absent means 0. The metadata *names*
  its data file by this number, so one rename replaces both (see `rewriting`);
- `migrated_from`: SHA-256 digests of the legacy files that were imported;
- `data_check`: a checksum of all these (see `metadata_check`), and at which byte of the data file
  the first line begins that is not logically gone. Damage before it can make more lines or fewer,
  and moves no byte.

Fields of other programs stay as they were found, to the letter.
"""

import functools
import json
from dataclasses import dataclass, replace

import orjson

from tornwrite.reference.durable import files, raw_json
from tornwrite.reference.durable.raw_json import Part
from tornwrite.reference.durable.times import normal_time
from tornwrite.reference.jsonl.metadata_check import FIELD, decode_check, encode_check


@dataclass(frozen=True, slots=True)
class Metadata:
    """A metadata file's content. Missing fields read as these defaults.

    Attributes:
        key: the session's key; None if the file does not say.
        summary: summary of what was truncated.
        skip: how many leading lines are logically gone.
        count: lines of the data file when this was written.
        created_at, updated_at: RFC 3339.
        generation: which data file is meant.
        migrated_from: hexadecimal SHA-256 of each legacy file that was imported.
        skip_bytes: how many bytes of the data file the lines take that are logically gone; None if
            that is not known, and so neither whether the rest is as this store wrote it.
        unknown: the other fields, name and JSON text.
    """

    key: str | None = None
    summary: str = ""
    skip: int = 0
    count: int = 0
    created_at: str = ""
    updated_at: str = ""
    generation: int = 0
    migrated_from: tuple[str, ...] = ()
    skip_bytes: int | None = None
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def meaning(self) -> tuple[object, ...]:
        """What a reader can tell two of them apart by."""
        return self.key, hash(self.summary), self.skip, self.generation, self.migrated_from


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no metadata file."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that is not metadata and not a legacy session.

    Attributes:
        reason: why not, for people.
        key: the key that it says, where only its checksum is wrong.
    """

    reason: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class LegacyFile:
    """Not ours to touch: `x.meta.json` is also the name of the legacy file of session `x.meta`."""


Content = Metadata | Missing | Damaged | LegacyFile


@dataclass(frozen=True, slots=True)
class Found:
    """What is in the place of a metadata file, with its bytes."""

    content: Content
    raw: bytes = b""


def read_metadata(path: str) -> Found:
    """Read a metadata file, whatever is there.

    Raises:
        OSError: the system refused; a missing file is no error.
    """
    try:
        raw = files.read_file(path)
    except FileNotFoundError:
        return Found(Missing())
    return _found_small(raw) if len(raw) <= _SMALL_BYTES else _found(raw)


def decode_metadata(raw: bytes) -> Metadata | Damaged | LegacyFile:
    """Understand the bytes of a metadata file."""
    return _decode_known(raw) or _decode_with_care(raw)


def _found(raw: bytes) -> Found:
    return Found(decode_metadata(raw), raw)


# Each append reads the file; understanding the same bytes again would take longer than that.
_SMALL_BYTES = 16_384
_found_small = functools.lru_cache(maxsize=256)(_found)


def _decode_known(raw: bytes) -> Metadata | Damaged | None:
    """The usual case, fast: sound metadata with no field that is not ours; None for all else."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or not found.keys() <= _TYPES.keys():
        return None
    for name, value in found.items():
        if type(value) is not _TYPES[name]:
            return None
    digests = tuple(found.get("migrated_from", ()))
    counts = (found.get("skip", 0), found.get("count", 0), found.get("data_generation", 0))
    if not all(map(_is_count, counts)) or not all(isinstance(one, str) for one in digests):
        return None
    metadata = Metadata(
        key=found.get("key"),
        summary=found.get("summary", ""),
        skip=counts[0],
        count=counts[1],
        created_at=found.get("created_at", ""),
        updated_at=found.get("updated_at", ""),
        generation=counts[2],
        migrated_from=digests,
    )
    return _checked(metadata, found.get(FIELD))


_TYPES: dict[str, type] = {
    "key": str,
    "summary": str,
    "skip": int,
    "count": int,
    "created_at": str,
    "updated_at": str,
    "data_generation": int,
    "migrated_from": list,
    FIELD: dict,
}


def _decode_with_care(raw: bytes) -> Metadata | Damaged | LegacyFile:
    try:
        parts = raw_json.object_parts(raw)
    except ValueError as error:
        return Damaged(f"not a JSON object: {error}")
    names = {part.name for part in parts}
    if "messages" in names and not names & {"skip", "count"}:
        return LegacyFile()
    found = Metadata()
    check = next((part.value for part in parts if part.name == FIELD), None)
    for part in parts:
        known = _read_field(found, part)
        if known is None:
            return Damaged(f"field {part.name} has a value it cannot have: {part.text[:80]}")
        found = known
    return _checked(found, check)


def _checked(metadata: Metadata, value: object) -> Metadata | Damaged:
    check = decode_check(value)
    if check is None:
        return metadata
    if check.updated_at != metadata.updated_at and normal_time(metadata.updated_at):
        return metadata
    if check.is_right(_facts(metadata)):
        return replace(metadata, skip_bytes=check.skip_bytes)
    return Damaged("its fields are not what its checksum is of", metadata.key)


def _facts(metadata: Metadata) -> list[object]:
    """What readers go by. Fields of other programs are not among it."""
    return [
        metadata.key or "",
        metadata.summary,
        metadata.skip,
        metadata.count,
        metadata.created_at,
        metadata.updated_at,
        metadata.generation,
        metadata.migrated_from,
    ]


def encode_metadata(metadata: Metadata) -> bytes:
    """The bytes of a metadata file: an object indented by two spaces, the known fields first."""
    fields = [
        ("key", _text(metadata.key or "")),
        ("summary", _text(metadata.summary)),
        ("skip", str(metadata.skip)),
        ("count", str(metadata.count)),
        ("created_at", _text(metadata.created_at)),
        ("updated_at", _text(metadata.updated_at)),
    ]
    if metadata.generation:
        fields.append(("data_generation", str(metadata.generation)))
    if metadata.migrated_from:
        digests = ",\n    ".join(map(_text, metadata.migrated_from))
        fields.append(("migrated_from", f"[\n    {digests}\n  ]"))
    if metadata.skip_bytes is not None:
        facts = _facts(metadata)
        fields.append((FIELD, encode_check(metadata.updated_at, metadata.skip_bytes, facts)))
    fields.extend(metadata.unknown)
    lines = ",\n".join(f"  {_text(name)}: {text}" for name, text in fields)
    return f"{{\n{lines}\n}}".encode()


def _read_field(metadata: Metadata, part: Part) -> Metadata | None:
    """The metadata with one more field; None if the field has a value that it cannot have."""
    match part.name, part.value:
        case "key", str(text):
            return replace(metadata, key=text)
        case "summary", str(text):
            return replace(metadata, summary=text)
        case "created_at", str(text):
            return replace(metadata, created_at=text)
        case "updated_at", str(text):
            return replace(metadata, updated_at=text)
        case "skip", int(number) if _is_count(number):
            return replace(metadata, skip=number)
        case "count", int(number) if _is_count(number):
            return replace(metadata, count=number)
        case "data_generation", int(number) if _is_count(number):
            return replace(metadata, generation=number)
        case "migrated_from", list(digests):
            texts = tuple(digest for digest in digests if isinstance(digest, str))
            whole = len(texts) == len(digests)
            return replace(metadata, migrated_from=texts) if whole else None
        case name, _ if name == FIELD:
            return metadata
        case (
            (
                "key"
                | "summary"
                | "created_at"
                | "updated_at"
                | "skip"
                | "count"
                | "data_generation"
                | "migrated_from"
            ),
            _,
        ):
            return None
        case name, _:
            return replace(metadata, unknown=(*metadata.unknown, (name, part.text)))


def _is_count(number: int) -> bool:
    return not isinstance(number, bool) and 0 <= number < 1 << 63


def _text(text: str) -> str:
    # A lone surrogate, which only another program can have written, has no UTF-8 form.
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
