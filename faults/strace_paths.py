"""The calls that change names, as steps."""

import os
import re
from dataclasses import dataclass

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Exchange, Link, Mkdir, Rename, Rmdir, Step, Symlink, Unlink
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Call, descriptor, misread, number, string
from tornwrite.faults.strace_processes import OpenFile, Process

AT_FDCWD = -100
AT_REMOVEDIR = 0x200
AT_SYMLINK_FOLLOW = 0x400
RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

NAME_CALLS = frozenset(
    {
        "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "rmdir",
        "symlink", "symlinkat", "mkdir", "mkdirat", "mknod", "mknodat", "bind",
    }
)  # fmt: skip

NAMED: dict[str, tuple[str, tuple[tuple[int, int | None], ...]]] = {
    "rename": ("renamed", ((0, None), (1, None))),
    "renameat": ("renamed", ((1, 0), (3, 2))),
    "renameat2": ("renamed", ((1, 0), (3, 2))),
    "link": ("made", ((1, None),)),
    "linkat": ("made", ((3, 2),)),
    "unlink": ("removed", ((0, None),)),
    "unlinkat": ("removed", ((1, 0),)),
    "rmdir": ("removed", ((0, None),)),
    "symlink": ("made", ((1, None),)),
    "symlinkat": ("made", ((2, 1),)),
    "mkdir": ("made", ((0, None),)),
    "mkdirat": ("made", ((1, 0),)),
}
"""What each does to names, and where it has them: the path, and the directory it is relative to."""

_DESCRIPTOR = re.compile(r"/proc/(self|thread-self|\d+)/fd/(\d+)")
_CURRENT = re.compile(r"/proc/(?:self|thread-self)/cwd(?=/|$)")
_SOCKET_PATH = re.compile(r'sun_path="((?:\\x[0-9a-f]{2})+)"')


@dataclass(frozen=True, slots=True)
class Place:
    """A path argument: absolute, and below the root (None for one outside)."""

    path: str
    below: str | None


def located(
    call: Call, process: Process, names: Names, path: int, *, at: int | None, follow: bool = False
) -> Place:
    """The path in argument `path`, relative to the directory in argument `at`, if it has one."""
    base = _base(call, process, at)
    found = names.resolve(base, os_text(call, path), follow)
    if here := _CURRENT.match(found):
        # The program's own way to say where it is.
        found = names.resolve("/", process.folder.path + found[here.end() :], follow)
    return Place(found, names.relative(found))


def _base(call: Call, process: Process, at: int | None) -> str:
    if at is None:
        return process.folder.path
    directory = descriptor(call, at)
    if directory.path is None and directory.number != AT_FDCWD:
        raise misread(call)
    return directory.path or process.folder.path


def check_not_led_out(
    call: Call, process: Process, names: Names, path: int, at: int | None, found: str
) -> None:
    """Raise UnknownStep for something outside that was named below the root, through a link.

    found: where it is.
    """
    base = _base(call, process, at)
    named = os.path.normpath(os.path.join(base, os_text(call, path)))
    if names.relative(named) is not None:
        raise UnknownStep(
            f"{call.name} {named} by process {call.pid}: a link leads out of the recorded root, to "
            f"{found}, and what is done there is not recorded; keep it below"
        )


def os_text(call: Call, index: int) -> str:
    """A path argument as Python gives paths."""
    return string(call, index).decode("utf-8", "surrogateescape")


def name_step(call: Call, process: Process, names: Names) -> Step | None:
    """The step that a successful call of NAME_CALLS is, None if it does not concern the root.

    Raises UnknownStep for one that there is no step for.
    """

    def place(path: int, at: int | None = None, follow: bool = False) -> Place:
        return located(call, process, names, path, at=at, follow=follow)

    match call.name:
        case "rename":
            return _renamed(call, place(0), place(1), names)
        case "renameat":
            return _renamed(call, place(1, 0), place(3, 2), names)
        case "renameat2":
            source, target = place(1, 0), place(3, 2)
            flags = number(call, 4)
            if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE):
                because = f"with RENAME_WHITEOUT by process {call.pid}: a whiteout is no file"
                _refuse(call, source, target, because=because)
            if flags & RENAME_EXCHANGE:
                return _exchanged(call, source, target, names)
            return _renamed(call, source, target, names)
        case "link":
            return _hard_linked(call, place(0), place(1), names)
        case "linkat":
            source = place(1, 0, follow=bool(number(call, 4) & AT_SYMLINK_FOLLOW))
            if file := _opened(call, process, source):
                return _named(call, file, place(3, 2), names)
            return _hard_linked(call, source, place(3, 2), names)
        case "unlink":
            return _unlinked(call, place(0), names)
        case "unlinkat" if number(call, 2) & AT_REMOVEDIR:
            return _rmdir(call, place(1, 0), names)
        case "unlinkat":
            return _unlinked(call, place(1, 0), names)
        case "rmdir":
            return _rmdir(call, place(0), names)
        case "symlink":
            return _linked(call, os_text(call, 0), place(1), names)
        case "symlinkat":
            return _linked(call, os_text(call, 0), place(2, 1), names)
        case "mkdir":
            return _mkdir(call, place(0), names)
        case "mkdirat":
            return _mkdir(call, place(1, 0), names)
        case "mknod":
            _refuse(call, place(0))
        case "mknodat":
            _refuse(call, place(1, 0))
        case "bind":
            _refuse_socket(call, process, names)
        case _:
            raise ValueError(f"{call} is not a call that changes names")
    return None


def _below(call: Call, place: Place, names: Names) -> str | None:
    if place.path.startswith("/proc/"):
        raise UnknownStep(f"{call.name} through {place.path}: which file that is cannot be told")
    if names.holds_root(place.path):
        raise UnknownStep(f"{call.name} of {place.path}: this is the recorded root or above it")
    return place.below


def _renamed(call: Call, source: Place, target: Place, names: Names) -> Step | None:
    before, after = _both_below(call, source, target, names)
    if before is None or after is None:
        return None
    names.moved(source.path, target.path)
    return Rename(before, after)


def _exchanged(call: Call, source: Place, target: Place, names: Names) -> Step | None:
    first, second = _both_below(call, source, target, names)
    if first is None or second is None:
        return None
    names.exchanged(source.path, target.path)
    return Exchange(first, second)


def _opened(call: Call, process: Process, source: Place) -> OpenFile | None:
    """The recorded file that linkat means by a descriptor: AT_EMPTY_PATH, or through /proc."""
    if not string(call, 1):
        return process.descriptors.get(descriptor(call, 0).number)
    found = _DESCRIPTOR.fullmatch(source.path)
    if found is None or found[1] not in ("self", "thread-self", str(process.pid)):
        return None
    return process.descriptors.get(int(found[2]))


def _named(call: Call, file: OpenFile, target: Place, names: Names) -> Step:
    after = _below(call, target, names)
    if after is None:
        raise UnknownStep(
            f"{call.name} {file.path} -> {target.path} by process {call.pid}: a file moved out of "
            "the recorded root; record a directory that holds both"
        )
    return Link(file.handle, after)


def _hard_linked(call: Call, source: Place, target: Place, names: Names) -> Step | None:
    before, after = _both_below(call, source, target, names)
    if before is None or after is None:
        return None
    names.copied(source.path, target.path)
    return Link(before, after)


def _both_below(
    call: Call, source: Place, target: Place, names: Names
) -> tuple[str | None, str | None]:
    before, after = _below(call, source, names), _below(call, target, names)
    if (before is None) != (after is None):
        raise UnknownStep(
            f"{call.name} {source.path} -> {target.path}: a file moved into or out of the recorded "
            "root; record a directory that holds both"
        )
    return before, after


def _unlinked(call: Call, place: Place, names: Names) -> Step | None:
    below = _below(call, place, names)
    if below is None:
        return None
    names.removed(place.path)
    return Unlink(below)


def _rmdir(call: Call, place: Place, names: Names) -> Step | None:
    below = _below(call, place, names)
    return None if below is None else Rmdir(below)


def _linked(call: Call, text: str, place: Place, names: Names) -> Step | None:
    below = _below(call, place, names)
    if below is None:
        return None
    names.linked(place.path, text)
    return Symlink(below, text)


def _mkdir(call: Call, place: Place, names: Names) -> Step | None:
    below = _below(call, place, names)
    return None if below is None else Mkdir(below)


def _refuse(call: Call, *places: Place, because: str = "") -> None:
    for place in places:
        if place.below is not None or place.path.startswith("/proc/"):
            raise UnknownStep(f"{call.name} {place.path} {because}".rstrip())


def _refuse_socket(call: Call, process: Process, names: Names) -> None:
    address = call.arguments[1] if len(call.arguments) > 1 else b""
    if isinstance(address, str) and (matched := _SOCKET_PATH.search(address)):
        path = bytes.fromhex(matched[1].replace("\\x", "")).decode("utf-8", "surrogateescape")
        found = names.resolve(process.folder.path, path, follow=False)
        _refuse(call, Place(found, names.relative(found)), because="makes a socket")
