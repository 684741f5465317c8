"""Strings as Go's strings package treats them. Never repaired: see the package."""

_WHITE_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)


def trim_space(text: bytes) -> bytes:
    """As strings.TrimSpace: without Unicode's white space at either end; NUL is none."""
    # surrogateescape leaves what is not UTF-8 as it is; Python's own strip() takes more than Go's.
    stripped = text.decode("utf-8", "surrogateescape").strip(_WHITE_SPACE)
    return stripped.encode("utf-8", "surrogateescape")
