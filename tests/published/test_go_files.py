"""Paths, directories and white space are what Go's packages make of them."""

import os
from pathlib import Path

import pytest

from tornwrite.reference.published import go_files
from tornwrite.reference.published.go_strings import trim_space


@pytest.mark.parametrize(
    ("directory", "name", "path"),
    [
        ("/d", "a.jsonl", "/d/a.jsonl"),
        ("d/", "a", "d/a"),
        ("d", "/a", "d/a"),
        ("d", "../a", "a"),
        ("/d", "../../../a", "/a"),
        ("d", "b/../a", "d/a"),
        ("d", ".", "d"),
        ("", "a", "a"),
    ],
)
def test_a_path_is_joined_and_cleaned(directory: str, name: str, path: str) -> None:
    assert go_files.join(directory, name) == path


def test_a_directory_is_read_in_the_order_of_bytes(tmp_path: Path) -> None:
    names = ["a.json", "a.jsonl", "a.meta.json", "Z", "é", "\U0001f600", "\uffee"]
    for name in names:
        (tmp_path / name).touch()
    found = [entry.name for entry in go_files.read_directory(os.fspath(tmp_path))]
    assert found == ["Z", "a.json", "a.jsonl", "a.meta.json", "é", "\uffee", "\U0001f600"]


def test_files_links_and_empty_directories_are_removed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    for name in ("file", "link", "empty"):
        go_files.remove(os.fspath(tmp_path / name))
    assert os.listdir(tmp_path) == []


def test_what_is_not_removed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        go_files.remove(os.fspath(tmp_path / "missing"))
    with pytest.raises(OSError, match="not empty"):
        go_files.remove(os.fspath(tmp_path / "full"))

    def refuse(_: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="Input/output"):
        go_files.remove(os.fspath(tmp_path / "file"))


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        (b"", b""),
        (b" \t\n\v\f\r", b""),
        (b" a b ", b"a b"),
        ("\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000a".encode(), b"a"),
        (b"\0a\0", b"\0a\0"),
        (b"\x1c\x1d\x1e\x1fa", b"\x1c\x1d\x1e\x1fa"),
        ("\u200b\ufeffa".encode(), "\u200b\ufeffa".encode()),
        (b" \xa0\xff ", b"\xa0\xff"),
    ],
)
def test_unicode_white_space_is_trimmed_and_nothing_else(text: bytes, trimmed: bytes) -> None:
    assert trim_space(text) == trimmed
