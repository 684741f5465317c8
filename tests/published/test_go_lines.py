"""Lines are those of Go's bufio.Scanner with a buffer of a given length."""

import os
from pathlib import Path

import pytest

from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_lines import MAX_LINE_BYTES, scan_lines


def lines_of(path: Path, data: bytes, buffer_bytes: int = MAX_LINE_BYTES) -> list[bytes]:
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return list(scan_lines(descriptor, buffer_bytes))
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\n\nb", [b"a", b"", b"b"]),
        (b"a\r\nb\r\r\n\r", [b"a", b"b\r", b""]),
        ("a\u2028b\x0b\x0c\x85\rc\n".encode(), ["a\u2028b\x0b\x0c\x85\rc".encode()]),
    ],
)
def test_lines_end_at_newlines_and_lose_one_carriage_return(
    tmp_path: Path, data: bytes, lines: list[bytes]
) -> None:
    assert lines_of(tmp_path / "f", data) == lines


@pytest.mark.parametrize("end", [b"", b"\n", b"\nb\n"])
@pytest.mark.parametrize("buffer_bytes", [64 * 1024, 1024 * 1024, MAX_LINE_BYTES])
def test_the_longest_line_is_one_byte_less_than_the_buffer(
    tmp_path: Path, end: bytes, buffer_bytes: int
) -> None:
    longest = b"x" * (buffer_bytes - 1)
    more = [b"b"] if b"b" in end else []
    found = lines_of(tmp_path / "f", b"a\n" + longest + end, buffer_bytes)
    assert found == [b"a", longest, *more]
    with pytest.raises(StoreError, match="token too long"):
        lines_of(tmp_path / "f", b"a\n" + longest + b"x" + end, buffer_bytes)


def test_lines_before_one_too_long_are_handed_out(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a\n" + b"x" * MAX_LINE_BYTES)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert next(scan_lines(descriptor)) == b"a"
    finally:
        os.close(descriptor)
