"""House rules, held mechanically. An exception needs a reason, here, beside its name."""

import ast
import fcntl
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tornwrite", "faults", "model", "reference", "reports", "scenarios")
FILES = sorted(file for folder in PACKAGES for file in (ROOT / folder).rglob("*.py"))

MOST_LINES = 400

LONGER: dict[str, str] = {}
"""Files over the limit, and why each is still one subject."""

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


# Length


def too_long(source: str) -> bool:
    return len(source.splitlines()) > MOST_LINES


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_file_is_read_in_one_sitting(file: Path) -> None:
    if name_of(file) not in LONGER:
        assert not too_long(file.read_text(encoding="utf-8"))


def test_a_file_with_a_reason_for_its_length_still_needs_it() -> None:
    for name in LONGER:
        assert (ROOT / name).exists(), f"{name} is gone: take it out of the table"
        text = (ROOT / name).read_text(encoding="utf-8")
        assert too_long(text), f"take {name} out of the table"


# Words that put things off

LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def put_off(source: str) -> list[int]:
    return [at for at, line in enumerate(source.splitlines(), start=1) if LATER.search(line)]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_nothing_is_put_off_in_a_comment(file: Path) -> None:
    assert put_off(file.read_text(encoding="utf-8")) == []


# Docstrings


def undocumented(source: str, said_elsewhere: frozenset[str] = frozenset()) -> list[str]:
    """The public modules, classes and functions without a docstring.

    Not asked for one: what has an underscore before its name, or is within a function; a dataclass
    without methods, whose fields say it all; a function that is one return; and, in a class that
    has one, a method of a few lines and one of `said_elsewhere`.
    """
    tree = ast.parse(source)
    said = [] if ast.get_docstring(tree, clean=False) is not None else ["the module"]
    return said + _undocumented(tree.body, "", said_elsewhere, in_documented_class=False)


def _undocumented(
    body: list[ast.stmt], prefix: str, said_elsewhere: frozenset[str], in_documented_class: bool
) -> list[str]:
    said: list[str] = []
    for node in body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        has = ast.get_docstring(node) is not None
        if isinstance(node, ast.ClassDef):
            if not has and not _only_fields(node):
                said.append(prefix + node.name)
            said += _undocumented(node.body, f"{prefix}{node.name}.", said_elsewhere, has)
        elif not has and not _says_it_all(node):
            of_class = in_documented_class and (_is_short(node) or node.name in said_elsewhere)
            said += [] if of_class else [prefix + node.name]
    return said


def _only_fields(node: ast.ClassDef) -> bool:
    """A dataclass whose class name and field names are all there is to say."""
    decorated = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    return decorated and all(isinstance(item, ast.AnnAssign) for item in node.body)


def _says_it_all(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return len(node.body) == 1 and isinstance(node.body[0], ast.Return)


def _is_short(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return (node.end_lineno or node.lineno) - node.body[0].lineno < MOST_SHORT_LINES


MOST_SHORT_LINES = 8


def promised_by_protocols() -> frozenset[str]:
    """The methods that a Protocol of ours documents: what fulfils it need not say it again."""
    found: set[str] = set()
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).startswith("Protocol") for base in node.bases
            ):
                found.update(
                    item.name
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and ast.get_docstring(item)
                )
    return frozenset(found)


PROMISED = promised_by_protocols()
CALLS_OF_PYTHON = frozenset([*dir(os), *dir(io), *dir(io.FileIO), *dir(fcntl)])
"""What the recorder stands in for keeps the name and the meaning of what it stands in for."""


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_what_is_public_says_what_it_is(file: Path) -> None:
    found = undocumented(file.read_text(encoding="utf-8"), PROMISED | CALLS_OF_PYTHON)
    assert found == []


# Printing and chance


def calls(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def prints(source: str) -> list[int]:
    return [line for line, name in calls(source) if name == "print"]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_nothing_is_printed_behind_the_console(file: Path) -> None:
    assert prints(file.read_text(encoding="utf-8")) == []


def chance(source: str) -> list[str]:
    """Where the source takes chance from anywhere but a `random.Random(seed)` of its own."""
    said: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in ("random", "secrets"):
            taken = [name.name for name in node.names if name.name != "Random"]
            said += [f"line {node.lineno}: from {node.module} import {name}" for name in taken]
        elif isinstance(node, ast.Import):
            wrong = [name.name for name in node.names if name.name in ("secrets", "numpy.random")]
            said += [f"line {node.lineno}: import {name}" for name in wrong]
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("random."):
            if node.attr != "Random" and ast.unparse(node.value) == "random":
                said.append(f"line {node.lineno}: random.{node.attr}")
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func) in ("random.Random", "Random") and not node.args:
                said.append(f"line {node.lineno}: Random() without a seed")
            if ast.unparse(node.func) in ("uuid.uuid4", "uuid4", "os.urandom", "os.getrandom"):
                said.append(f"line {node.lineno}: {ast.unparse(node.func)}")
    return said


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_chance_comes_from_a_seed(file: Path) -> None:
    assert chance(file.read_text(encoding="utf-8")) == []


# That the rules can fail


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (too_long, "\n" * (MOST_LINES + 1)),
        (put_off, "x = 1  # TODO: more"),
        (put_off, '"""FIXME"""'),
        (undocumented, "x = 1"),
        (undocumented, '"""D."""\ndef public():\n    f()\n    return 1'),
        (undocumented, '"""D."""\nclass Public:\n    x = 1'),
        (undocumented, '"""D."""\nclass P:\n  """D."""\n  def m(self):\n' + "    f()\n" * 9),
        (undocumented, '"""D."""\n@dataclass\nclass P:\n    x: int\n    def m(self): f()'),
        (prints, "print(1)"),
        (prints, "def f():\n    print()"),
        (chance, "import random\nrandom.shuffle(x)"),
        (chance, "import random\nrandom.seed(1)"),
        (chance, "from random import choice"),
        (chance, "import random\nrandom.Random().choice(x)"),
        (chance, "import uuid\nuuid.uuid4()"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_caught(rule, source: str) -> None:  # type: ignore[no-untyped-def]
    assert rule(source)


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (too_long, "\n" * MOST_LINES),
        (put_off, "todo = 'methodology'"),
        (undocumented, '""""""'),
        (
            undocumented,
            '"""D."""\ndef _private(): return 1\nclass _Private:\n    def m(self): pass',
        ),
        (undocumented, '"""D."""\n@dataclass(frozen=True)\nclass Link:\n    source: str'),
        (undocumented, '"""D."""\nclass P(Protocol):\n    """D."""\n    def close(self): ...'),
        (prints, "console.print(1)"),
        (prints, "x = 'print(1)'"),
        (chance, "import random\nsource = random.Random(seed)\nsource.choice(x)"),
        (chance, "from random import Random\nRandom(7)"),
    ],
)
def test_what_keeps_a_rule_is_not(rule, source: str) -> None:  # type: ignore[no-untyped-def]
    assert not rule(source)
