"""The pytest plugin: the fixture `tornwrite`, its options, its marker, and what it reports.

Nothing of the harness is loaded before a test asks for the fixture.
"""

import argparse
import contextlib
import os
import shlex
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tornwrite.scenarios.by_hand.recordings import Recordings

MARKER = (
    "tornwrite(profiles=None, budget=None, seed=None, sample=False, every_byte=False): "
    "what crash states the test looks at"
)

_recordings = pytest.StashKey["Recordings"]()
_missing = pytest.StashKey[str]()
_worker_died = pytest.StashKey[bool]()
_reports = pytest.StashKey[list[dict[str, Any]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, which are those of `tornwrite gate` with the plugin's name before them."""
    group = parser.getgroup("tornwrite", "crash states (tornwrite)")
    group.addoption(
        "--tornwrite-profile",
        action="append",
        default=[],
        metavar="NAME",
        help="only crashes under this profile; repeat it, or part several by commas",
    )
    group.addoption(
        "--tornwrite-budget",
        type=_at_least_one,
        metavar="N",
        help="crash states of a recording and profile at most (50000)",
    )
    group.addoption(
        "--tornwrite-seed", type=int, metavar="N", help="for the sample when there are more (0)"
    )
    group.addoption(
        "--tornwrite-replay",
        default="",
        metavar="ID",
        help="only this crash state: copy the whole command that the failure gave",
    )


def _at_least_one(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker. Raises UsageError for a profile that there is not."""
    config.addinivalue_line("markers", MARKER)
    config.stash[_reports] = []
    if config.getoption("--tornwrite-profile"):
        from tornwrite.pytest_choices import WrongChoice, session_choices

        try:
            session_choices(config)
        except WrongChoice as error:
            raise pytest.UsageError(f"tornwrite: {error}") from None


def pytest_report_header(config: pytest.Config) -> str:
    """One line: what was chosen for the whole session."""
    replay = config.getoption("--tornwrite-replay")
    if replay:
        return f"tornwrite: only crash state {replay}"
    names = ",".join(config.getoption("--tornwrite-profile"))
    said = [f"profiles: {names or _usual_profiles(config)}"]
    for option in ("budget", "seed"):
        value = config.getoption(f"--tornwrite-{option}")
        said += [] if value is None else [f"{option}: {value}"]
    place = os.environ.get("TORNWRITE_SCRATCH")
    said += [f"scratch: {place}"] if place else []
    return f"tornwrite: {', '.join(said)}"


def _usual_profiles(config: pytest.Config) -> str:
    # Looked at, not read: that would load what a session without crash states has no use for.
    try:
        configured = "[tool.tornwrite" in (config.rootpath / "pyproject.toml").read_text("utf-8")
    except (OSError, ValueError):
        configured = False
    return "as pyproject.toml says" if configured else "the usual ones"


@pytest.fixture(name="tornwrite")
def _tornwrite(request: pytest.FixtureRequest) -> "Iterator[Recordings]":
    """Records lines that write files, and gives all that a crash could leave of those files:
    `with tornwrite.record() as run:`, then `for crash in run.crash_states():`.
    """
    from tornwrite.pytest_choices import WrongChoice, test_choices
    from tornwrite.scenarios.by_hand.recordings import Recordings

    choices, wrong = None, ""
    try:
        choices = test_choices(request.node)
    except WrongChoice as error:
        wrong = f"tornwrite: {error}"
    if wrong:
        pytest.fail(wrong, pytrace=False)
    recordings = Recordings(choices)
    request.node.stash[_recordings] = recordings
    try:
        yield recordings
    finally:
        recordings.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fails a test that did not look at all crash states; skips one that cannot be measured."""
    recordings = item.stash.get(_recordings, None)
    if recordings is None:
        return (yield)
    from tornwrite.faults.strace import StraceUnusableError
    from tornwrite.scenarios.by_hand.recordings import NotMeasured

    result, missing = None, ""
    try:
        result = yield
    except StraceUnusableError as error:
        missing = str(error)
    if missing:
        item.stash[_missing] = missing
        pytest.skip(f"not measured: {missing}")
    problem = ""
    try:
        recordings.check()
    except NotMeasured as error:
        problem = f"tornwrite: {error}"
    if problem:
        pytest.fail(problem, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to a failure at which crash state it was, and to each report what the summary says."""
    report = yield
    recordings = item.stash.get(_recordings, None)
    if recordings is None or call.when == "teardown":
        return report
    if report.failed and recordings.current is not None:
        crash = recordings.current
        report.sections.append(
            ("tornwrite", f"{crash.explain()}\nreplay: {_replay_command(item, crash.id)}")
        )
    missing = item.stash.get(_missing, "")
    if call.when == "call" and (recordings.runs or missing):
        # Plain data: under xdist it goes from the worker to the controller with the report.
        report.tornwrite = {  # type: ignore[attr-defined]
            "test": item.nodeid,
            "outcome": report.outcome,
            "missing": missing,
            **recordings.looked(),
        }
    return report


def _replay_command(item: pytest.Item, crash: str) -> str:
    place = os.path.relpath(item.path, item.config.invocation_params.dir)
    inside = item.nodeid.partition("::")[2]
    return shlex.join(["pytest", f"{place}::{inside}", "--tornwrite-replay", crash])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Reports are gathered where the whole session's are: in the controller under xdist."""
    config = session.config

    class Gathering:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            told = getattr(report, "tornwrite", None)
            if told is not None and report.when == "call":
                config.stash[_reports].append(told)

    config.pluginmanager.register(Gathering())


def pytest_terminal_summary(
    terminalreporter: "pytest.TerminalReporter", config: pytest.Config
) -> None:
    """A line on what was looked at, and one for each thing that was not."""
    reports = config.stash[_reports]
    if reports:
        from tornwrite.pytest_summary import summary

        for line in summary(reports):
            terminalreporter.write_line(line)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Notes that a worker of xdist was killed."""
    if error is not None:
        node.config.stash[_worker_died] = True


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes what killed workers left, now that they have been waited for."""
    if config.stash.get(_worker_died, False):
        from tornwrite.faults.scratch import collect_garbage

        with contextlib.suppress(OSError):  # the next run tries again
            collect_garbage()
