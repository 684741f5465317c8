"""Words for the terminal: what somebody else wrote, and numbers of things."""

from rich.text import Text


def printable(text: str, style: str = "") -> Text:
    """Text as it is, no markup; what has no UTF-8 form, as in a file name, as an escape."""
    return Text(text.encode("utf-8", "backslashreplace").decode(), style=style)


def counted(number: int, what: str) -> str:
    """So many of a thing: `1 image`, `2,000 images`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
