"""What a program does outside its directory, and who answers for it: said by name."""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.programs_of_others import DRIVER, OPERATIONS, PUT, values
from tornwrite import KeyValue, program_subject
from tornwrite.faults.profiles import POSIX
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.recording import NotMeasured, record
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.run import Settings, run_scenario

SETTINGS = Settings((POSIX,), 2_000, 0, real_kills=False, every_cut=False)


def test_files_elsewhere_are_said_with_the_verdict(tmp_path: Path) -> None:
    log = tmp_path / "log"
    subject = values("logs", env={"ELSEWHERE": str(log)})
    named = replace(subject, name="support.programs_of_others:one")
    outcome = run_scenario(named, PUT, SETTINGS, lambda at, done: None)
    assert {row.verdict for row in outcome.rows} == {Verdict.PASSED}
    said = f"the program also wrote to {log}, outside the directory that it was given"
    assert [
        one.said.partition(": not")[0] for one in outcome.left_out if "outside" in one.said
    ] == [said]


@pytest.fixture
def another(tmp_path: Path) -> Iterator[str]:
    """A process that strace does not trace: it writes what it is given to where it is told."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def answer() -> None:
            while True:
                try:
                    asking, _ = server.accept()
                except OSError:
                    return
                with asking:
                    said, (out, *_), _, _ = socket.recv_fds(asking, 1000, 1)
                    os.write(out, said)
                    os.close(out)
                    asking.send(b".")

        thread = threading.Thread(target=answer)
        thread.start()
        yield path
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_answers_that_another_process_writes_are_no_acknowledgements(another: str) -> None:
    driver = DRIVER.with_name("answered_by_another.py")
    subject = program_subject(
        [sys.executable, "-I", "-S", str(driver), another],
        KeyValue(delete=None),
        {"put": OPERATIONS["put"]},
    )
    message = r"answers were \d+ bytes, and the program was seen to write \d+ of them: a process"
    with workplace() as live, pytest.raises(NotMeasured, match=message):
        record(subject, PUT, live)
