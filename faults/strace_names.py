"""Which file a path argument meant when the call was made.

The output is read after the program has ended, when links may be gone: those below the root are
followed through the recording, those outside are taken to be as they are now.
"""

import os

from tornwrite.faults.images import EMPTY, Image, SymbolicLink
from tornwrite.faults.strace_errors import StraceOutputError

_MOST_LINKS = 40  # as the kernel: path_resolution(7)


class Names:
    """The symbolic links below a root, as the program goes on, and paths resolved through them."""

    def __init__(self, root: str, base: Image = EMPTY) -> None:
        """`base` is what is below the root at the start. Raises ValueError for the root of all."""
        self.root = os.path.realpath(root)
        if self.root == "/":
            raise ValueError("/ cannot be recorded: name the directory that the program writes to")
        self.base = base
        self._links: dict[str, str] = {}
        for path, node in base:
            if isinstance(node, SymbolicLink):
                self._links[f"{self.root}/{path}"] = node.text
        self._outside: dict[str, str | None] = {}
        parent = os.path.dirname(self.root)
        while parent != "/":
            self._outside[parent] = None
            parent = os.path.dirname(parent)

    def relative(self, path: str) -> str | None:
        """The path below the root, "" for the root itself, None for one outside."""
        if path == self.root:
            return ""
        return path[len(self.root) + 1 :] if path.startswith(self.root + "/") else None

    def holds_root(self, path: str) -> bool:
        """Whether the path is the root or a directory above it."""
        return self.root == path or self.root.startswith(path.rstrip("/") + "/")

    def resolve(self, base: str, path: str, follow: bool) -> str:
        """The absolute path without symbolic links; the last part is followed if `follow`.

        A path into /proc is returned as far as it goes: what its links mean is the program's own.
        """
        here = "" if path.startswith("/") else base.rstrip("/")
        parts = path.split("/")[::-1]
        followed = 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            before, here = here, f"{here}/{part}"
            if here == "/proc":
                return "/".join(["/proc", *reversed(parts)])
            text = self._link(here) if parts or follow else None
            if text is None:
                continue
            followed += 1
            if followed > _MOST_LINKS:
                raise StraceOutputError(f"{path} was opened, but it is a loop of symbolic links")
            parts += text.split("/")[::-1]
            here = "" if text.startswith("/") else before
        return here or "/"

    def _link(self, path: str) -> str | None:
        if self.relative(path) is not None:
            return self._links.get(path)
        if path not in self._outside:
            try:
                self._outside[path] = os.readlink(path)
            except OSError:
                self._outside[path] = None
        return self._outside[path]

    def linked(self, path: str, text: str) -> None:
        """A symbolic link was made."""
        self._links[path] = text

    def copied(self, source: str, target: str) -> None:
        """A hard link was made."""
        if source in self._links:
            self._links[target] = self._links[source]

    def removed(self, path: str) -> None:
        """A name was removed."""
        self._links.pop(path, None)

    def moved(self, source: str, target: str) -> None:
        """A name was given to what had another, with all below it."""
        if source == target:
            return
        self._links.pop(target, None)
        for path in [path for path in self._links if is_in(path, source)]:
            self._links[target + path[len(source) :]] = self._links.pop(path)

    def exchanged(self, first: str, second: str) -> None:
        """Two names changed places, with all below them."""
        aside = f"{first}\0"
        self.moved(first, aside)
        self.moved(second, first)
        self.moved(aside, second)


def is_in(path: str, folder: str) -> bool:
    """Whether the path is the folder or below it."""
    return path == folder or path.startswith(folder + "/")
