"""Where in the source a step comes from."""

import os
import sysconfig
from types import FrameType

from tornwrite.faults.trace import Site

DEEPEST = 6

_INSTALLED = ("/site-packages/", "/dist-packages/")
_OWN = os.path.dirname(os.path.abspath(__file__)) + "/"
_STDLIB = tuple(
    {
        os.path.join(folder, "")
        for given in (
            os.path.dirname(os.__file__),
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("platstdlib"),
        )
        for folder in (given, os.path.realpath(given))
    }
)


class Sites:
    """Names source lines, and remembers how: a step is recorded in microseconds.

    start: the directory that file names are given relative to, where they lie below it.
    """

    def __init__(self, start: str) -> None:
        self._start = os.path.join(start, "")
        self._files: dict[str, str | None] = {}
        self._sites: dict[tuple[str, int, str], Site] = {}

    def above(self, frame: FrameType | None) -> tuple[Site, ...]:
        """The calls that led to `frame`, innermost first, at most six.

        The recorder's own lines and the standard library's are left out.
        """
        found: list[Site] = []
        files, sites = self._files, self._sites
        while frame is not None:
            code = frame.f_code
            name = code.co_filename
            try:
                shown = files[name]
            except KeyError:
                shown = files[name] = self._shown(name)
            if shown is not None:
                # f_lineno is None where a frame has no line of source, as in generated code.
                key = (shown, frame.f_lineno or 0, code.co_qualname)
                site = sites.get(key)
                if site is None:
                    site = sites[key] = Site(*key)
                found.append(site)
                if len(found) == DEEPEST:
                    break
            frame = frame.f_back
        return tuple(found)

    def _shown(self, name: str) -> str | None:
        """The file name for people; None for a file whose lines are left out."""
        if name.startswith((_OWN, "<frozen ")):
            return None
        installed = next((mark for mark in _INSTALLED if mark in name), None)
        if installed is None and name.startswith(_STDLIB):
            return None
        if installed is not None:
            return name.rpartition(installed)[2]
        if name.startswith(self._start):
            return name[len(self._start) :]
        return name
