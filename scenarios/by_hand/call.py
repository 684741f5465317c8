"""A process of its own for one function of a test: `python -m … FILE`, FILE says which and how."""

import importlib
import importlib.util
import pickle
import sys
import traceback
import types
from pathlib import Path


def call(handed: str) -> None:
    """Import the function's module as the test did, and call it with the directory first.

    handed: a file with a pickle of: where modules are looked for, the module's name and file, the
    function's name, the directory, and a pickle of the other arguments.
    """
    with open(handed, "rb") as source:
        search, module, file, function, path, packed = pickle.load(source)
    sys.path[:] = search
    loaded = _loaded(module, file)
    arguments = pickle.loads(packed)
    try:
        getattr(loaded, function)(Path(path), *arguments)
    except Exception as error:
        # From the function's own first line on.
        inside = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(error.with_traceback(inside))
        sys.exit(1)


def _loaded(module: str, file: str) -> types.ModuleType:
    """The module under its name; from its file where no name leads there, as in some test runs."""
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
    else:
        if getattr(loaded, "__file__", None) == file:
            return loaded
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {module} from {file}")
    parts = module.split(".")
    for end in range(1, len(parts)):
        # What is pickled is imported by name, and a name only below its packages.
        above = types.ModuleType(".".join(parts[:end]))
        above.__path__ = []
        sys.modules.setdefault(above.__name__, above)
    sys.modules[module] = loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


if __name__ == "__main__":
    call(sys.argv[1])
