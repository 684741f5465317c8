"""The error the published stores raise for content. Never repaired: see the package."""


class StoreError(Exception):
    """Content the store can't use: metadata that does not parse, a line too long, a message that
    is not of the format. What the system refuses stays an `OSError`, with its errno.

    As in the original, the operation may already have changed files when this is raised.
    """
