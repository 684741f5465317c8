"""What nothing catches of faults sown into source and of syncs left out of runs, and why."""

from tornwrite.scenarios.sown_explanations import SOWN


def why_missed(name: str) -> str:
    """Why nothing catches the sown fault of that name; empty if nobody knows."""
    own = name.removeprefix("tornwrite.reference.")
    for why, names in SOWN:
        if any(is_meant(one, own) for one in names):
            return why
    return ""


def is_meant(pattern: str, name: str) -> bool:
    """Whether a name is that one, or begins as it does in front of its `*`."""
    return name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1]))


SYNCS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("sync_directory", "SessionWriter.sync_names", "SessionWriter.rewrite"),
        "so that no metadata counts lines of a file that did not come to be: `inspect` would tell "
        "of missing lines. Readers see no difference, and what they see is what is judged here",
    ),
    (
        ("sync_directory", "keep_aside", "SessionWriter.keep_wrong_skip"),
        "the rewrite that follows syncs the directory before the old metadata goes",
    ),
    (
        ("sync_directory", "keep_generations"),
        "the damaged metadata is kept aside right after, which syncs the directory once more",
    ),
    (
        ("sync_directory", "SessionDirectory._remove_leftovers"),
        "for what an operation put back that had failed, which no run without errors comes to",
    ),
    (
        ("SessionWriter.ensure_data", "_claim"),
        "the append that follows syncs the same file before it is acknowledged",
    ),
)
"""Calls, innermost first, that end in a sync which a run can do without, and why it is there."""


def why_not_shown(sites: tuple[str, ...]) -> str:
    """Why nothing shows it when the sync made by these calls is left out; empty if unknown."""
    functions = tuple(site.rpartition(" in ")[2] for site in sites)
    for calls, why in SYNCS:
        if functions[: len(calls)] == calls:
            return why
    return ""
