"""Profiles of power losses on so small a scale that a few bytes meet every rule."""

from dataclasses import replace

from tornwrite.faults.profiles import KNOWN, PowerLoss


def small(profile: PowerLoss) -> PowerLoss:
    """The same rules with pages of 4 bytes and sectors of 2, so that short writes meet them."""
    whole = profile.sector == profile.page
    program_page = 8 if profile.program_page else 0
    return replace(
        profile, page=4, sector=4 if whole else 2, program_page=program_page, erase_block=0
    )


POWER_LOSSES = [small(profile) for profile in KNOWN if isinstance(profile, PowerLoss)]
