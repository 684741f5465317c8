"""What is closed at the end of a `with` block."""

from types import TracebackType
from typing import Self


class Closing:
    """Closes itself when the `with` block that it stands in is left."""

    def close(self) -> None:
        """Release what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
