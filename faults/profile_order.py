"""Which profile is stronger: rule by rule, and the profiles in that order."""

from collections.abc import Sequence

from tornwrite.faults.profiles import KNOWN, FsyncCommits, PowerLoss, Profile, SizeAfterData


def known_profiles(also: Sequence[PowerLoss] = ()) -> tuple[Profile, ...]:
    """The built-in profiles and these, each of which comes before all that it is stronger than."""
    ordered: list[Profile] = list(KNOWN)
    for mine in also:
        place = next(
            (
                at
                for at, other in enumerate(ordered)
                if isinstance(other, PowerLoss) and no_weaker(mine, other)
            ),
            len(ordered),
        )
        ordered.insert(place, mine)
    return tuple(ordered)


def no_weaker(first: PowerLoss, second: PowerLoss) -> bool:
    """Whether every rule of the first promises at least as much as that of the second.

    Then each crash state under the first is one under the second. Damage to erase blocks is not
    looked at: no crash state has it.
    """
    sizes, commits = list(SizeAfterData), list(FsyncCommits)
    return (
        _orderings(first) >= _orderings(second)
        and sizes.index(_size_rule(first)) >= sizes.index(_size_rule(second))
        and commits.index(first.fsync_commits) >= commits.index(second.fsync_commits)
        and (first.flush_honoured or not second.flush_honoured)
        and (first.barriers_in_flight <= second.barriers_in_flight or not second.flush_honoured)
        and first.page == second.page
        and first.sector % second.sector == 0
        and first.program_page in (0, second.program_page)
    )


def _orderings(profile: PowerLoss) -> frozenset[str]:
    """The rules of order that hold, by themselves or because of a stronger one."""
    rules = (
        "names_in_order",
        "rename_atomic",
        "replace_waits_for_data",
        "truncate_rewrite_flushes",
        "sizes_in_order",
        "commits_wait_for_data",
        "data_in_order",
    )
    held = {rule for rule in rules if getattr(profile, rule)}
    if profile.data_in_order:
        held.add("commits_wait_for_data")
    if "commits_wait_for_data" in held:
        held |= {"replace_waits_for_data", "truncate_rewrite_flushes"}
    return frozenset(held)


def _size_rule(profile: PowerLoss) -> SizeAfterData:
    waits = "commits_wait_for_data" in _orderings(profile)
    return SizeAfterData.ALL if waits else profile.size_after_data
