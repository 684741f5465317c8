"""Images: the files and bytes of a crash state, as plain data, on and off the disk.

An image is a tuple of (path, node), sorted by path. A node is the bytes of a file, None for a
directory, or a `SymbolicLink`. Contents are shared objects: an image costs little more than its
names. Permissions, owners, times and extended attributes are not part of it.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TypeAlias

from tornwrite.faults import originals as real


@dataclass(frozen=True, slots=True)
class SymbolicLink:
    text: str


Node: TypeAlias = bytes | SymbolicLink | None
Image: TypeAlias = tuple[tuple[str, Node], ...]

EMPTY: Image = ()


def digest(image: Image) -> str:
    """A name for the image: 16 hexadecimal digits that depend on all names and bytes."""
    state = hashlib.sha256()
    for path, node in image:
        match node:
            case None:
                kind, data = b"d", b""
            case SymbolicLink(text):
                kind, data = b"l", os.fsencode(text)
            case _:
                kind, data = b"f", node
        name = os.fsencode(path)
        state.update(b"%s%d:%d:" % (kind, len(name), len(data)))
        state.update(name)
        state.update(data)
    return state.hexdigest()[:16]


def materialise(image: Image, root: str) -> None:
    """Write the image below `root`, an existing empty directory.

    Raises OSError as the file system gives it, ENOSPC among them.
    """
    prefix = root + "/"
    for path, node in image:
        target = prefix + path
        if node is None:
            os.mkdir(target)
        elif isinstance(node, SymbolicLink):
            os.symlink(node.text, target)
        else:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                view = memoryview(node)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)


def read_image(root: str) -> Image:
    """The image of what is really below `root`.

    Raises ValueError for a node that is no file, directory or symbolic link, OSError as it comes.
    """
    found: list[tuple[str, Node]] = []

    def walk(folder: str, prefix: str) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_symlink():
                    found.append((path, SymbolicLink(os.readlink(entry.path))))
                elif entry.is_dir(follow_symlinks=False):
                    found.append((path, None))
                    walk(entry.path, path + "/")
                elif entry.is_file(follow_symlinks=False):
                    with real.io_open(entry.path, "rb") as file:
                        found.append((path, file.read()))
                else:
                    kind = stat.filemode(entry.stat(follow_symlinks=False).st_mode)
                    raise ValueError(f"{entry.path} ({kind}) is not a file, directory or link")

    walk(root, "")
    found.sort(key=lambda item: item[0])
    return tuple(found)


def clear(root: str) -> None:
    """Remove everything below `root`, leaving `root` itself."""
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                clear(entry.path)
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)


def difference(expected: Image, found: Image, limit: int = 5) -> list[str]:
    """The first `limit` differences between two images, a sentence each; none when equal."""
    if expected == found:
        return []
    before, after = dict(expected), dict(found)
    said: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            said.append(f"{path} is missing")
        elif path not in before:
            said.append(f"{path} is there and should not be")
        elif before[path] != after[path]:
            said.append(
                f"{path} differs: {_node(before[path])} expected, {_node(after[path])} found"
            )
        if len(said) == limit:
            break
    return said


def _node(node: Node) -> str:
    match node:
        case None:
            return "a directory"
        case SymbolicLink(text):
            return f"a link to {text}"
        case _:
            return f"{len(node)} B {bytes(node[:60])!r}"
