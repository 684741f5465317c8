"""What the tests of the published stores share: a store on a clock that ticks, the golden files."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference.published import JSONLStore

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
START_NS = 1_763_000_000_000_000_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def reopen(directory: Path) -> Callable[[], JSONLStore]:
    """Open the store as a new process would, on a clock that goes on by a nanosecond."""
    readings = itertools.count(START_NS)
    return lambda: JSONLStore(directory, clock=lambda: next(readings))


@pytest.fixture
def store(reopen: Callable[[], JSONLStore]) -> JSONLStore:
    return reopen()


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy, to be written to, of the files the original program wrote."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
