"""Files opened while recording are what `open` gives everywhere else."""

import io
import os
from pathlib import Path
from typing import Any

import pytest

from tornwrite.faults.recorder import Recorder


def seen(file: Any) -> dict[str, Any]:
    layers = [file]
    while (
        inner := getattr(layers[-1], "buffer", None) or getattr(layers[-1], "raw", None)
    ) is not None:
        layers.append(inner)
    names = (
        "name",
        "mode",
        "encoding",
        "errors",
        "newlines",
        "line_buffering",
        "write_through",
        "closefd",
    )
    return {
        "layers": [type(layer).__name__.replace("Recorded", "") for layer in layers],
        "attributes": [[getattr(layer, name, None) for name in names] for layer in layers],
        "abilities": (
            file.readable(),
            file.writable(),
            file.seekable(),
            file.isatty(),
            file.tell(),
        ),
        "inheritable": os.get_inheritable(file.fileno()),
        "permissions": os.fstat(file.fileno()).st_mode,
    }


CASES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("w",), {}),
    (("wb",), {}),
    (("wb", 0), {}),
    (("w", 1), {}),
    (("w", 77, "latin-1", "replace", "\r\n"), {}),
    (("a",), {}),
    (("ab",), {"buffering": 10}),
    (("r+",), {}),
    (("rb+",), {"buffering": 0}),
    (("w+b",), {}),
    (("tw",), {"encoding": "utf-8"}),
    (("w",), {"opener": lambda path, flags: os.open(path, flags, 0o600)}),
    (("r",), {"opener": os.open}),
]


@pytest.mark.parametrize(("positional", "named"), CASES)
def test_the_same_file_object_comes_back(
    tmp_path: Path, positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    path = tmp_path / "a"
    path.write_text("content")
    with open(path, *positional, **named) as file:
        expected = seen(file)
    path.write_text("content")
    with Recorder(tmp_path), open(path, *positional, **named) as file:
        assert isinstance(file, io.IOBase)
        assert seen(file) == expected


REFUSED: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("q",), {}),
    (("rw",), {}),
    (("wbt",), {}),
    (("wb",), {"encoding": "utf-8"}),
    (("w", 0), {}),
    (("w",), {"buffering": "4"}),
    (("w",), {"newline": "x"}),
    (("w",), {"encoding": "no such encoding"}),
    (("w",), {"closefd": False}),
    ((7,), {}),
    (("x",), {}),
]


@pytest.mark.parametrize(("positional", "named"), REFUSED)
def test_the_same_mistakes_are_refused_in_the_same_words(
    tmp_path: Path, positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    path = tmp_path / "a"
    path.touch()

    def refusal() -> tuple[str, str]:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - compared with the original's
            open(path, *positional, **named)  # noqa: SIM115
        return type(caught.value).__name__, str(caught.value)

    expected = refusal()
    with Recorder(tmp_path):
        assert refusal() == expected


def test_raw_files_are_file_io(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with Recorder(tmp_path / "root") as recorder:
        with (
            io.FileIO(tmp_path / "root" / "a", "w") as inside,
            open(tmp_path / "b", "wb", 0) as outside,
            open(tmp_path / "root" / "a", "wb", 0) as again,
        ):
            assert all(isinstance(file, io.FileIO) for file in (inside, outside, again))
            assert not isinstance(io.BytesIO(), io.FileIO)
            inside.write(b"abc")
            assert inside.truncate(2) == 2
            with pytest.raises(TypeError, match="bytes-like"):
                inside.write("text")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="closed"):
            inside.write(b"x")
    assert [type(step).__name__ for step in recorder.trace().steps] == [
        "Open", "Open", "Write", "SetSize", "Close", "Close",
    ]  # fmt: skip


def test_a_descriptor_given_back_open_stays_open(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        descriptor = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(b"x")
        os.close(descriptor)
    assert [type(step).__name__ for step in recorder.trace().steps] == ["Open", "Write", "Close"]


def test_the_warning_about_binary_line_buffering_names_the_caller(tmp_path: Path) -> None:
    with Recorder(tmp_path), pytest.warns(RuntimeWarning, match="line buffering") as caught:
        open(tmp_path / "a", "wb", 1).close()
    assert caught[0].filename == __file__
