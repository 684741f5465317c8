"""An operation on a store, in a process of its own that is killed before one of its calls."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

S = TypeVar("S")

CHANGING = ("write", "ftruncate", "fsync", "fdatasync", "rename", "unlink")


def killed_at(
    open_store: Callable[[Path], S],
    directory: Path,
    operation: Callable[[S], object],
    call: int,
) -> bool:
    """Run an operation and kill it before its n-th changing call; whether there was one."""
    child = os.fork()
    if not child:
        try:
            store = open_store(directory)
            left = call

            def dying(real: Callable[..., Any]) -> Callable[..., Any]:
                def call(*arguments: Any) -> Any:
                    nonlocal left
                    if not left:
                        os.kill(os.getpid(), signal.SIGKILL)
                    left -= 1
                    return real(*arguments)

                return call

            for name in CHANGING:
                setattr(os, name, dying(getattr(os, name)))
            operation(store)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
