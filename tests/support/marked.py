"""The processes of one test's run of the command line, which carries a mark in its environment."""

import contextlib
import os
import time
from collections.abc import Callable

import psutil

MARK = "TORNWRITE_TEST_RUN"
"""In the environment of each run that is started here, and so of all that it starts."""


def running() -> list[psutil.Process]:
    """All processes of this test's run, wherever they have gone."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mine = process.environ().get(MARK) == os.environ[MARK]
            if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def wait_for(what: Callable[[], object], seconds: float) -> bool:
    """Whether it came about within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (reached := bool(what())) and time.monotonic() < deadline:
        time.sleep(0.02)
    return reached
