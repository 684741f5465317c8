"""Images: on the disk and off it, named, compared, told apart."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornwrite.faults.images import (
    EMPTY,
    Image,
    Node,
    SymbolicLink,
    clear,
    difference,
    digest,
    materialise,
    read_image,
)

parts = st.sampled_from(["a", "b", "a-b", "a.b", "é", os.fsdecode(b"\xff"), "new\nline", "a b"])
contents: st.SearchStrategy[Node] = (
    st.binary(max_size=9) | st.none() | st.sampled_from([SymbolicLink("a"), SymbolicLink("../no")])
)


@st.composite
def images(draw: st.DrawFn) -> Image:
    tree: dict[str, Node] = {}
    for _ in range(draw(st.integers(0, 8))):
        folders = ["", *(f"{path}/" for path, node in tree.items() if node is None)]
        path = draw(st.sampled_from(folders)) + draw(parts)
        tree.setdefault(path, draw(contents))
    return tuple(sorted(tree.items()))


ALL_KINDS: Image = (("d", None), ("d/f", b"x"), ("l", SymbolicLink("d/f")))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=images())
def test_what_is_written_is_what_is_read(tmp_path: Path, image: Image) -> None:
    clear(str(tmp_path))
    materialise(image, str(tmp_path))
    assert read_image(str(tmp_path)) == image


def test_an_empty_directory_is_the_empty_image(tmp_path: Path) -> None:
    assert read_image(str(tmp_path)) == EMPTY


def test_a_file_longer_than_one_write_takes_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    materialise((("f", b"0123456789"),), str(tmp_path))
    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_an_image_is_not_written_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        materialise((("f", b"other"),), str(tmp_path))
    assert (tmp_path / "f").read_bytes() == b"mine"


def test_links_are_read_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "to_file").symlink_to(outside / "f")
    (root / "to_folder").symlink_to(outside)
    (root / "loop").symlink_to("loop")
    assert read_image(str(root)) == (
        ("loop", SymbolicLink("loop")),
        ("to_file", SymbolicLink(str(outside / "f"))),
        ("to_folder", SymbolicLink(str(outside))),
    )


def test_what_is_no_file_directory_or_link_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe \(p.*is not a file, directory or link"):
        read_image(str(tmp_path))


def test_a_socket_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(ValueError, match=r"socket \(s"):
            read_image(str(tmp_path))


def test_clearing_leaves_the_directory_itself_and_what_links_point_to(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"x")
    root = tmp_path / "root"
    root.mkdir()
    materialise(ALL_KINDS, str(root))
    (root / "to_folder").symlink_to(outside)
    clear(str(root))
    assert read_image(str(root)) == EMPTY
    assert (outside / "f").read_bytes() == b"x"


def test_the_digest_is_sixteen_hexadecimal_digits_and_stays_what_it_is() -> None:
    """It is in replay commands that people have kept: it may not change between versions."""
    assert digest(EMPTY) == "e3b0c44298fc1c14"
    assert digest(ALL_KINDS) == "c1f04a67e5df5414"


@settings(deadline=None)
@given(first=images(), second=images())
def test_two_images_have_one_digest_only_if_they_are_equal(first: Image, second: Image) -> None:
    assert (digest(first) == digest(second)) == (first == second)


@pytest.mark.parametrize(
    "others",
    [
        [(("ab", b"c"),), (("a", b"bc"),), (("abc", b""),)],
        [(("a", b"b"),), (("a", SymbolicLink("b")),)],
        [(("a", b""),), (("a", None),), (("a", SymbolicLink("")),)],
        [(("a", b""), ("b", b"")), (("a", b"f1:0:b"),)],
        [(("a", None), ("a/b", b"")), (("a", None), ("b", b""))],
    ],
)
def test_the_digest_tells_apart_what_reads_alike_when_strung_together(others: list[Image]) -> None:
    assert len({digest(image) for image in others}) == len(others)


def test_equal_images_have_no_difference() -> None:
    assert difference(ALL_KINDS, ALL_KINDS) == []


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"a": b"x"}, {}, "a is missing"),
        ({}, {"a": b"x"}, "a is there and should not be"),
        ({"a": b"x"}, {"a": b"yy"}, "a differs: 1 B b'x' expected, 2 B b'yy' found"),
        ({"a": None}, {"a": b""}, "a differs: a directory expected, 0 B b'' found"),
        (
            {"a": SymbolicLink("b")},
            {"a": SymbolicLink("c")},
            "a differs: a link to b expected, a link to c found",
        ),
    ],
)
def test_a_difference_is_a_sentence(
    expected: dict[str, Node], found: dict[str, Node], said: str
) -> None:
    assert difference(tuple(expected.items()), tuple(found.items())) == [said]


def test_no_more_differences_are_told_than_asked_for() -> None:
    many: Image = tuple((f"f{number}", b"") for number in range(9))
    assert difference(many, EMPTY, limit=2) == ["f0 is missing", "f1 is missing"]
    assert len(difference(many, EMPTY)) == 5
