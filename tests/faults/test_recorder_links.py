"""Links that lead out of the recorded directory: what would be done behind them is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.faults.recorder import Recorder, RecorderBlind, UnknownStep
from tornwrite.faults.steps import Mkdir, Rename, Rmdir, Unlink

CALLS: dict[str, Callable[[], object]] = {
    "open": lambda: Path("data/file").write_text("y"),
    "os.open": lambda: os.open("data/new", os.O_WRONLY | os.O_CREAT),
    "open of a link": lambda: Path("leads").write_text("y"),
    "mkdir": lambda: os.mkdir("data/d"),
    "makedirs": lambda: os.makedirs("data/d/e"),
    "rmdir": lambda: os.rmdir("data/there"),
    "unlink": lambda: os.unlink("data/file"),
    "remove": lambda: os.remove("data/file"),
    "rename": lambda: os.rename("data/file", "data/other"),
    "replace": lambda: os.replace("data/file", "data/other"),
    "link": lambda: os.link("data/file", "data/other"),
    "symlink": lambda: os.symlink("file", "data/other"),
    "truncate": lambda: os.truncate("data/file", 1),
    "truncate of a link": lambda: os.truncate("leads", 1),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "out" / "there").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "data").symlink_to("../out")
    (root / "leads").symlink_to("../out/file")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize("name", CALLS)
def test_what_would_be_done_behind_a_link_is_refused(name: str, root: Path) -> None:
    before = sorted(os.listdir(root / "data"))
    with pytest.raises(RecorderBlind, match="went on"), Recorder(root):  # noqa: SIM117
        with pytest.raises(UnknownStep, match=r"root/.*: a link leads out of the recorded root"):
            CALLS[name]()
    assert sorted(os.listdir(root / "data")) == before
    assert (root / "data" / "file").read_text() == "x"


def test_a_root_that_is_named_through_a_link_is_the_root(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    with pytest.raises(UnknownStep, match=r"mkdir .*alias/data/d: a link leads out"):  # noqa: SIM117
        with Recorder(root.parent / "alias"):
            os.mkdir(root.parent / "alias" / "data" / "d")


def test_what_fails_anyway_fails_as_it_would(root: Path) -> None:
    with Recorder(root):
        with pytest.raises(FileExistsError):
            os.mkdir("data/there")
        os.makedirs("data/there", exist_ok=True)
        for fails in (
            lambda: os.unlink("data/nothing"),
            lambda: os.rename("data/nothing", "data/other"),
            lambda: os.truncate("data/nothing", 1),
            lambda: Path("nothing/file").write_text("y"),
            lambda: os.mkdir("nothing/d"),
        ):
            with pytest.raises(FileNotFoundError):
                fails()


def test_the_link_itself_may_be_changed_and_what_it_leads_to_read(root: Path) -> None:
    with Recorder(root) as recorder:
        assert Path("data/file").read_text() == "x"
        os.mkdir("../out/d")
        os.rename("data", "elsewhere")
        os.unlink("leads")
        os.mkdir("in")
        os.rmdir("in")
    steps = recorder.trace().steps
    assert steps == [Rename("data", "elsewhere"), Unlink("leads"), Mkdir("in"), Rmdir("in")]
