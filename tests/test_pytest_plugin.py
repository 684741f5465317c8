"""The pytest plugin as a user meets it: the five-line test, its failures, options and markers."""

import os
import re
import sys
from pathlib import Path

import pytest

import tornwrite.scenarios.by_hand.recordings  # no inner session loads it again
from tornwrite.faults.scratch import VARIABLE

pytest_plugins = ["pytester"]

assert tornwrite.scenarios.by_hand.recordings

NOTES = """
    import json, os

    def save(path, items):
        with open(path, "w") as file:
            json.dump(items, file)

    def save_well(path, items):
        with open(f"{path}.tmp", "w") as file:
            json.dump(items, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.tmp", path)

    def load(path):
        try:
            with open(path) as file:
                return json.load(file)
        except FileNotFoundError:
            return []
"""

FIVE_LINES = """
    from notes import load, save, save_well

    def test_a_save_survives_a_crash(tornwrite):
        with tornwrite.record() as run:
            {save}(run.path / "notes.json", ["milk"])
        for crash in run.crash_states():
            assert load(crash.path / "notes.json") in ([], ["milk"])
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return place


@pytest.fixture
def session(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(notes=NOTES)
    pytester.syspathinsert()
    return pytester


def test_five_lines_find_what_a_plain_save_loses(session: pytest.Pytester) -> None:
    session.makepyfile(test_notes=FIVE_LINES.format(save="save"))
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*JSONDecodeError*",
            "*- tornwrite -*",
            "a crash under kill (the process dies, the kernel lives)",
            "after step 0 of 3, open notes.json (create, truncate)",
            "  at notes.py:4 in save, from test_notes.py:5 in test_a_save_survives_a_crash",
            "* 0 ✓ open notes.json (create, truncate) *notes.py:4 in save",
            "  notes.json  0 B b''",
            "replay: pytest test_notes.py::test_a_save_survives_a_crash --tornwrite-replay kill:*",
            "tornwrite: 1 test, 2 crash states, 1 test failed",
        ]
    )


def test_the_guide_shows_what_really_happens(session: pytest.Pytester) -> None:
    guide = (Path(__file__).parents[1] / "docs/guide/first-test.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:python|text)\n(.*?)```", guide, re.DOTALL)
    notes, test, failure, save, success, promised, directory = blocks[:7]

    def outcome() -> tuple[dict[str, int], list[str]]:
        session.makepyfile(notes=notes, test_notes=test)
        # In this process the package has been imported before, which pytest points out.
        result = session.runpytest("-W", "ignore::pytest.PytestAssertRewriteWarning")
        return result.parseoutcomes(), result.outlines

    outcomes, lines = outcome()
    assert outcomes == {"failed": 1}
    assert set(failure.splitlines()) <= set(lines)
    notes += "\n" + save
    outcomes, lines = outcome()
    assert outcomes == {"passed": 1}
    assert set(success.splitlines()) <= set(lines)
    test += "\n" + promised
    outcomes, lines = outcome()
    assert outcomes == {"failed": 1, "passed": 1}
    assert "a crash under ext4 (data=ordered, the default mount)" in lines
    notes += "\n" + directory
    outcomes, lines = outcome()
    assert outcomes == {"passed": 2}


def test_five_lines_pass_for_a_save_done_right(session: pytest.Pytester, scratch: Path) -> None:
    session.makepyfile(test_notes=FIVE_LINES.format(save="save_well"))
    result = session.runpytest("--strict-markers", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            f"tornwrite: profiles: the usual ones, scratch: {scratch}",
            "tornwrite: 1 test, * crash states, all looked at",
        ]
    )
    assert os.listdir(scratch) == []


def replay_of(result: pytest.RunResult) -> list[str]:
    (command,) = {line for line in result.outlines if line.startswith("replay: pytest ")}
    return command.removeprefix("replay: pytest ").split()


def test_the_printed_command_shows_just_that_crash_state_again(session: pytest.Pytester) -> None:
    session.makepyfile(
        notes=NOTES,
        test_notes="""
            import os, tempfile

            def test_other(tornwrite):
                assert False, "is not asked for"

            def test_save(tornwrite):
                with tornwrite.record() as run:
                    file, name = tempfile.mkstemp(dir=run.path)
                    os.write(file, os.urandom(4))
                    os.close(file)
                    os.rename(name, run.path / "a")
                for number, crash in enumerate(run.crash_states("ext4")):
                    print("looked at", crash.id)
                    assert crash.files().get("a") != b""
        """,
    )
    found = session.runpytest("-k", "test_save")
    found.assert_outcomes(failed=1, deselected=1)
    again = session.runpytest(*replay_of(found))
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["tornwrite: 1 test, 1 crash state: only the one *"])
    assert replay_of(again) == replay_of(found)


def test_a_replay_of_what_has_changed_since_says_so(session: pytest.Pytester) -> None:
    session.makepyfile(test_notes=FIVE_LINES.format(save="save"))
    asked = replay_of(session.runpytest())
    session.makepyfile(test_notes=FIVE_LINES.format(save="save_well"))
    result = session.runpytest(*asked)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*is a crash state of another recording*run the test again*"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("pass", "*no crash state of the recording at test_it.py:4 was looked at*"),
        ("for crash in run.crash_states(): break", "*not measured: the loop * after 1 of them*"),
        (
            "for crash in run.crash_states('posix', budget=3): pass",
            "*not measured: * of at least * crash states * under posix (*budget of 3*raise the *",
        ),
        ("for crash in run.crash_states('nope'): pass", "*no profile 'nope'; there are kill*"),
        ("list(run.crash_states())[0].path", "*the directory of this crash is gone*"),
        ("for crash in run.crash_states(): assert crash.finished", "*a crash under kill*"),
        (
            "for crash in run.crash_states(): last = crash\n    assert not last.finished",
            "*assert not True*",
        ),
    ],
)
def test_a_test_that_did_not_look_at_everything_fails(
    session: pytest.Pytester, body: str, said: str
) -> None:
    session.makepyfile(
        test_it="from notes import save\n"
        "def test_it(tornwrite):\n"
        "    # two saves\n"
        "    with tornwrite.record() as run:\n"
        "        save(run.path / 'a', [1])\n"
        "        save(run.path / 'b', [1])\n"
        f"    {body}\n"
    )
    result = session.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([said])


def test_a_sample_passes_and_is_told(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_it="""
            import pytest
            from notes import save

            @pytest.mark.tornwrite(sample=True)
            def test_left(tornwrite):
                with tornwrite.record() as run:
                    save(run.path / "a", [1])
                for crash in run.crash_states():
                    break

            @pytest.mark.tornwrite(profiles="posix", budget=3, sample=True)
            def test_some(tornwrite):
                with tornwrite.record() as run:
                    save(run.path / "a", [1])
                    save(run.path / "b", [1])
                assert len(list(run.crash_states())) <= 3
        """
    )
    result = session.runpytest("--strict-markers")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "tornwrite: 2 tests, * crash states",
            "  test_it.py::test_left: the loop * was left after 1 of them",
            "  test_it.py::test_some: * of at least * under posix (budget of 3 images reached)",
        ]
    )


def test_the_nearest_marker_goes_before_the_command_line_before_the_file(
    session: pytest.Pytester,
) -> None:
    session.makepyprojecttoml(
        """
        [tool.tornwrite]
        profiles.use = ["ext4", "mine"]
        seed = 7
        budget = 900
        [tool.tornwrite.profiles.mine]
        like = "posix"
        """
    )
    session.makepyfile(
        test_it="""
            import pytest

            def names(tornwrite):
                return "+".join(one.name for one in tornwrite.choices.profiles)

            def test_plain(tornwrite):
                print("plain", names(tornwrite), tornwrite.choices.seed, tornwrite.choices.budget)

            @pytest.mark.tornwrite(profiles=["xfs", "kill"], seed=1)
            class TestMarked:
                @pytest.mark.tornwrite(seed=2)
                def test_marked(self, tornwrite):
                    print("marked", names(tornwrite), tornwrite.choices.seed)
        """
    )
    result = session.runpytest("-s")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["tornwrite: profiles: as pyproject.toml says*"])
    result.stdout.fnmatch_lines(["*plain ext4+mine 7 900", "*marked kill+xfs 2*"])
    result = session.runpytest(
        "-s", "--tornwrite-profile", "posix,kill", "--tornwrite-profile=fat", "--tornwrite-seed=8"
    )
    result.stdout.fnmatch_lines(["*plain kill+posix+fat 8 900"])


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("profile='kill'", "there is no 'profile'; there are profiles, budget*"),
        ("budget='many'", "budget is a whole number, not 'many'"),
        ("budget=True", "budget is a whole number, not True"),
        ("budget=0", "a budget is at least 1, not 0"),
        ("sample=1", "sample is True or False, not 1"),
        ("profiles=['nope']", "there is no profile 'nope'*"),
        ("profiles=3", "profiles is a list of names, not 3"),
        ("'kill'", "what it says is said by name: profiles*"),
    ],
)
def test_a_wrong_marker_is_an_error(session: pytest.Pytester, marker: str, said: str) -> None:
    session.makepyfile(
        test_it=f"""
            import pytest

            @pytest.mark.tornwrite({marker})
            def test_it(tornwrite):
                pass
        """
    )
    result = session.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*the marker of test_it.py::test_it: {said}"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--tornwrite-profile=nope", "*there is no profile 'nope'; there are kill*"),
        ("--tornwrite-budget=0", "*'0' is no number from 1 on*"),
        ("--tornwrite-budget=few", "*'few' is no number from 1 on*"),
        ("--tornwrite-seed=x", "*invalid int value*"),
    ],
)
def test_a_wrong_option_ends_the_session(session: pytest.Pytester, option: str, said: str) -> None:
    session.makepyfile(test_notes=FIVE_LINES.format(save="save"))
    result = session.runpytest(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_wrong_table_in_the_file_fails_the_tests_that_read_it(session: pytest.Pytester) -> None:
    session.makepyprojecttoml("[tool.tornwrite]\nbudgte = 3\n")
    session.makepyfile(test_notes=FIVE_LINES.format(save="save"), test_other="def test(): pass")
    result = session.runpytest()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*no key 'budgte'; do you mean budget*"])


def test_without_strace_a_program_is_skipped_and_told_as_not_measured(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.makepyfile(
        test_it="""
            def test_it(tornwrite, monkeypatch):
                monkeypatch.setenv("PATH", "/nowhere")
                tornwrite.run(["/bin/sh", "-c", "echo > {path}/a"])
        """
    )
    result = session.runpytest()
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["tornwrite: 0 tests, 0 crash states", "*::test_it: not measured: strace is not on the *"]
    )


def test_a_test_that_is_expected_to_fail_may(session: pytest.Pytester) -> None:
    source = FIVE_LINES.format(save="save").replace(
        "    def test", "    import pytest\n\n    @pytest.mark.xfail(strict=True)\n    def test"
    )
    session.makepyfile(test_notes=source)
    session.runpytest().assert_outcomes(xfailed=1)


def test_who_does_not_want_the_plugin_has_none_of_it(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_notes=FIVE_LINES.format(save="save_well"), test_other="def test(): pass"
    )
    result = session.runpytest("-p", "no:tornwrite")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'tornwrite' not found*"])
    result.stdout.no_fnmatch_line("tornwrite:*")


def test_the_plugin_loads_nothing_of_the_harness(session: pytest.Pytester) -> None:
    program = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import tornwrite.pytest_plugin\n"
        "print(sorted(one for one in set(sys.modules) - before if one.startswith(\n"
        "    ('tornwrite', 'hypothesis', 'click', 'rich', 'psutil', 'cattrs', 'orjson'))))\n"
    )
    result = session.run(sys.executable, "-c", program)
    assert result.outlines == ["['tornwrite', 'tornwrite.pytest_plugin']"]


def test_a_session_without_crash_states_loads_nothing_either(session: pytest.Pytester) -> None:
    session.makepyfile(
        test_other="""
            import sys
            def test_it():
                assert not [one for one in sys.modules if one.startswith("tornwrite.faults")]
        """
    )
    result = session.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("tornwrite: * crash states*")
