"""The layers of the design: who may import whom, read from the source of every file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGES = {
    "tornwrite": "tornwrite",
    "faults": "tornwrite.faults",
    "model": "tornwrite.model",
    "reference": "tornwrite.reference",
    "reports": "tornwrite.reports",
    "scenarios": "tornwrite.scenarios",
}

IO = {
    "asyncio", "datetime", "fcntl", "io", "multiprocessing", "os", "pathlib",
    "random", "secrets", "shutil", "signal", "socket", "subprocess", "sys", "tempfile",
    "threading", "time",
}  # fmt: skip
"""What a pure module has no business with."""

# Which of our own modules those of a package may import, by the beginning of the name.
ALLOWED: dict[str, tuple[str, ...]] = {
    "tornwrite.reference.published": ("tornwrite.reference.published",),
    "tornwrite.reference": ("tornwrite.reference",),
    "tornwrite.faults": ("tornwrite.faults",),
    "tornwrite.model": ("tornwrite.model",),
    "tornwrite.reports": (
        "tornwrite.reports",
        "tornwrite.model.results",
        "tornwrite.model.verdict",
        "tornwrite.model.operation",
    ),
}
"""What is not here (scenarios, the front door) may import all."""

PURE = ("tornwrite.model",)

ONLY_FROM = {"tornwrite.cli": ("tornwrite.__main__",)}


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def module_name(file: Path) -> str:
    folder, *rest = file.relative_to(ROOT).with_suffix("").parts
    parts = [PACKAGES[folder], *rest]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Every module that the source imports, anywhere in it, and on which line."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - (node.level - 1)]
                base = ".".join([*above, *filter(None, [base])])
            # `from package import module` imports the module too.
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Call):
            named = ast.unparse(node.func)
            if named in ("__import__", "import_module", "importlib.import_module"):
                argument = node.args[0] if node.args else None
                told = argument.value if isinstance(argument, ast.Constant) else None
                yield node.lineno, told if isinstance(told, str) else f"?{ast.unparse(node)}"


def broken_rules(source: str, module: str, is_package: bool = False) -> list[str]:
    """What of the source goes against the layers, a sentence each."""
    said: list[str] = []
    package = next((one for one in ALLOWED if within(module, one)), None)
    for line, name in imported(source, module, is_package):
        ours = within(name, "tornwrite")
        if ours and package is not None and not any(within(name, one) for one in ALLOWED[package]):
            said.append(f"{module}:{line} imports {name}, which {package} may not")
        for restricted, by in ONLY_FROM.items():
            if within(name, restricted) and not within(module, restricted) and module not in by:
                said.append(f"{module}:{line} imports {name}, which only {', '.join(by)} may")
        if any(within(module, pure) for pure in PURE) and any(within(name, one) for one in IO):
            said.append(f"{module}:{line} imports {name}, and has to be pure")
    if any(within(module, pure) for pure in PURE):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("open", "print", "input"):
                said.append(f"{module}:{node.lineno} calls {ast.unparse(node.func)}: not pure")
    return said


FILES = sorted(file for folder in PACKAGES for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_keeps_to_its_layer(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert broken_rules(source, module_name(file), file.name == "__init__.py") == []


def test_every_file_of_every_package_is_looked_at() -> None:
    modules = {module_name(file) for file in FILES}
    assert len(modules) == len(FILES)
    assert {
        "tornwrite",
        "tornwrite.__main__",
        "tornwrite.cli",
        "tornwrite.faults.disk",
        "tornwrite.model.judge",
        "tornwrite.reference",
        "tornwrite.reference.published",
        "tornwrite.reports.console",
        "tornwrite.scenarios.sessions.append",
    } <= modules


def test_every_folder_with_source_is_a_package_with_a_rule() -> None:
    """A new folder at the top has to be given a place in the layers."""
    with_source = {
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir() and any(folder.glob("*.py")) and (folder / "__init__.py").exists()
    }
    assert with_source - {"tests", "build"} == set(PACKAGES)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tornwrite.reference.store", "import tornwrite.faults.disk"),
        ("tornwrite.reference.store", "from tornwrite.model import promises"),
        ("tornwrite.reference.store", "from tornwrite import model"),
        ("tornwrite.reference.store", "from .. import faults"),
        ("tornwrite.reference.store", "from ..faults.disk import Disk"),
        ("tornwrite.reference.store", "def f():\n    import tornwrite.scenarios"),
        ("tornwrite.reference.store", "importlib.import_module('tornwrite.model')"),
        ("tornwrite.reference.published.files", "from tornwrite.reference.durable import errors"),
        ("tornwrite.reference.published.files", "from ..errors import Refused"),
        ("tornwrite.model.judge", "from tornwrite.faults.trace import Trace"),
        ("tornwrite.model.judge", "from tornwrite.reports import console"),
        ("tornwrite.model.judge", "import os"),
        ("tornwrite.model.judge", "import os.path"),
        ("tornwrite.model.judge", "from os import path"),
        ("tornwrite.model.judge", "from time import monotonic"),
        ("tornwrite.model.judge", "import random"),
        ("tornwrite.model.judge", "if TYPE_CHECKING:\n    from pathlib import Path"),
        ("tornwrite.model.judge", "def f():\n    return open('x')"),
        ("tornwrite.faults.disk", "from tornwrite.model.verdict import Verdict"),
        ("tornwrite.faults.disk", "from tornwrite.reference import JSONLStore"),
        ("tornwrite.reports.console", "from tornwrite.model.judge import judge"),
        ("tornwrite.reports.console", "from tornwrite.faults.trace import Trace"),
        ("tornwrite.reports.console", "from tornwrite.scenarios.run import Outcome"),
        ("tornwrite.scenarios.run", "from tornwrite.cli import main"),
        ("tornwrite.plugin", "from tornwrite import cli"),
    ],
)  # fmt: skip
def test_a_file_that_breaks_the_rule_is_caught(module: str, source: str) -> None:
    (said,) = broken_rules(source, module)
    assert said.startswith(f"{module}:")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "tornwrite.reference.store",
            "import os\nfrom tornwrite.reference.durable import errors",
        ),
        ("tornwrite.reference.store", "from . import errors"),
        ("tornwrite.reference.published.files", "from tornwrite.reference.published import errors"),
        ("tornwrite.model.judge", "from tornwrite.model.verdict import Verdict\nimport itertools"),
        ("tornwrite.model.judge", "import osgeo"),
        ("tornwrite.reports.console", "from tornwrite.model.results import Finding"),
        ("tornwrite.scenarios.run", "from tornwrite.faults.scratch import Workspace"),
        ("tornwrite.__main__", "from tornwrite.cli import main"),
        ("tornwrite.cli", "from tornwrite.reports import console"),
        ("tornwrite.scenarios.run", "from tornwrite.reports import console"),
    ],
)
def test_a_file_that_keeps_it_is_not(module: str, source: str) -> None:
    assert broken_rules(source, module) == []
