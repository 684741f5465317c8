"""Naming and loading subjects: ours, a user's, and what is said when one cannot be had."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.key_values import DELETE, PUT
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules to the current directory, which nobody else has; forgets them afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def write(name: str, source: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refused(name: str) -> str:
    with pytest.raises(WrongUse) as error:
        load_subject(name)
    message = str(error.value)
    assert "\n" not in message
    return message


MINE = "from support.key_values import right\nmine = right\n"


@pytest.mark.parametrize(
    "edition",
    ["stores:reference", "stores:archive", "known_bad:jsonl", "known_bad:unlocked"],
)
def test_a_store_of_ours_is_loaded_by_its_name(edition: str) -> None:
    subject = load_subject(f"tornwrite.scenarios.{edition}")
    assert isinstance(subject, Subject)
    assert subject.name == f"tornwrite.scenarios.{edition}"
    assert subject.scenarios


def test_a_module_of_the_current_directory_is_found(write: Write) -> None:
    write("my_subject.py", MINE)
    assert load_subject("my_subject:mine").name == "my_subject:mine"


def test_a_module_in_a_package_is_found(write: Write) -> None:
    write("my_package/__init__.py", "")
    write("my_package/inner.py", MINE)
    assert load_subject("my_package.inner:mine").name == "my_package.inner:mine"


def test_an_object_inside_an_object_is_found(write: Write) -> None:
    write("my_subject.py", "from support.key_values import right\nclass Mine:\n    one = right\n")
    assert load_subject("my_subject:Mine.one").about == "a key-value store"


def test_an_installed_module_is_not_hidden_by_one_of_the_current_directory(write: Write) -> None:
    write("json.py", "raise AssertionError('the wrong module')")
    assert "json has no mine" in refused("json:mine")


def test_loading_leaves_the_object_in_its_module_as_it_is() -> None:
    load_subject("support.key_values:right")
    from support.key_values import right

    assert right.name == ""


@pytest.mark.parametrize("name", ["", "stores", "stores:", ":reference", ":"])
def test_a_name_of_another_form_is_refused_with_an_example(name: str) -> None:
    message = refused(name)
    assert "package.module:object" in message
    assert repr(name) in message
    assert "tornwrite.scenarios.stores:reference" in message


@pytest.mark.parametrize("name", ["no_such_module:x", "no_such.module:x"])
def test_a_missing_module_is_named(name: str) -> None:
    message = refused(name)
    assert "there is no module no_such" in message
    assert "current directory" in message


def test_a_missing_submodule_of_a_package_that_is_there_is_named_in_full() -> None:
    assert "there is no module tornwrite.no_such" in refused("tornwrite.no_such:x")


def test_a_module_that_needs_another_that_is_missing_names_both(write: Write) -> None:
    write("my_subject.py", "import some_missing_library\n")
    message = refused("my_subject:mine")
    assert "cannot import my_subject: it needs the module some_missing_library" in message


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('bad settings')", "ValueError: bad settings"),
        ("def f(:", "SyntaxError: "),
        ("1 / 0", "ZeroDivisionError: "),
        ("from os import no_such_name", "ImportError: "),
    ],
)
def test_a_module_that_raises_at_import_is_told_with_its_error(
    write: Write, source: str, said: str
) -> None:
    write("my_subject.py", source)
    assert f"cannot import my_subject: {said}" in refused("my_subject:mine")


def test_a_module_that_exits_at_import_is_told_too(write: Write) -> None:
    write("my_subject.py", "import sys\nsys.exit(0)")
    assert "cannot import my_subject" in refused("my_subject:mine")


def test_a_relative_name_is_refused() -> None:
    assert "cannot import .my_subject" in refused(".my_subject:mine")


def test_a_missing_object_is_named(write: Write) -> None:
    write("my_subject.py", MINE)
    assert "my_subject has no other" in refused("my_subject:other")
    assert "my_subject has no mine.other" in refused("my_subject:mine.other")


@pytest.mark.parametrize(
    ("source", "kind"),
    [("mine = 3", "int"), ("def mine(): ...", "function"), ("class mine: ...", "type")],
)
def test_an_object_that_is_no_subject_is_named_with_what_it_is(
    write: Write, source: str, kind: str
) -> None:
    write("my_subject.py", source)
    message = refused("my_subject:mine")
    assert f"my_subject:mine is not a subject but a {kind}" in message
    assert "tornwrite.scenarios.subject.Subject" in message


def test_a_scenario_is_found_by_its_name() -> None:
    subject = load_subject("support.key_values:right")
    assert subject.scenario("put") is PUT
    assert subject.scenario("delete") is DELETE


def test_a_missing_scenario_is_named_with_those_there_are() -> None:
    with pytest.raises(WrongUse) as error:
        load_subject("support.key_values:right").scenario("other")
    assert str(error.value) == (
        "support.key_values:right has no scenario 'other'; it has put, delete"
    )
