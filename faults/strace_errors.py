"""What can go wrong with a recording under strace."""


class StraceError(Exception):
    """No recording was made, or it cannot be trusted."""


class StraceUnusableError(StraceError):
    """There is no strace here that can be used. The message says what is missing and what to do."""


class StraceTimeoutError(StraceError):
    """The program did not end in time; it and all that it started were killed."""


class StraceOutputError(StraceError):
    """strace wrote something that is not understood, or that contradicts what it wrote before.

    The recording is worth nothing then: a line left out might have been a step.
    """


class StraceIncompleteError(StraceError):
    """What is on the disk after the run does not follow from the steps that were seen.

    Another program writes there, or the program does so in a way that no call shows.
    """
