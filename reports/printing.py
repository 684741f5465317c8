"""Text for the terminal that somebody else wrote: file names, values, messages."""

from rich.text import Text


def printable(text: str, style: str = "") -> Text:
    """Text as it is, no markup; what has no UTF-8 form, as in a file name, as an escape."""
    return Text(text.encode("utf-8", "backslashreplace").decode(), style=style)
