"""A subject's modules, and others in place of them in this process."""

import importlib.abc
import importlib.machinery
import importlib.util
import marshal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType

from tornwrite.scenarios.subject import WrongUse


def modules_of(prefixes: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """The modules of these packages and modules, by dotted name, and their files.

    Raises WrongUse for one that has no source.
    """
    for prefix in prefixes:
        spec, file = _found(prefix)
        yield prefix, file
        for folder in spec.submodule_search_locations or ():
            for file in sorted(Path(folder).glob("*.py")):
                if file.name != "__init__.py":
                    yield f"{prefix}.{file.stem}", file


def _found(module: str) -> tuple[importlib.machinery.ModuleSpec, Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise WrongUse(f"there is no source of {module}, which the subject names as its own")
    return spec, Path(spec.origin)


def put_in_place(modules: Mapping[str, bytes]) -> None:
    """Have modules imported as this code instead of their own, in this process, from now on.

    modules: marshalled code by dotted name. All of this package is imported anew after this: what
    was imported before does not go together with what is imported from now on.
    """
    sys.meta_path.insert(0, _Changed(modules))
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] == "tornwrite" and loaded != "tornwrite":
            del sys.modules[loaded]


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds these modules, changed."""

    def __init__(self, modules: Mapping[str, bytes]) -> None:
        self._modules = modules
        self._real = {name: _found(name)[0] for name in modules}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        real = self._real.get(name)
        if real is None:
            return None
        locations = real.submodule_search_locations
        spec = importlib.machinery.ModuleSpec(
            name, self, origin=real.origin, is_package=locations is not None
        )
        spec.submodule_search_locations = locations
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(marshal.loads(self._modules[module.__name__]), module.__dict__)
