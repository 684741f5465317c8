"""Profiles: which effects a kind of crash, file system and device may lose or reorder.

A profile is a value; the built-in ones are only the first users of the rules. Each rule is a claim
about the real world, to be checked against real kernels. Sources: `docs/disk-model.md` names them
rule by rule.
"""

from dataclasses import dataclass, fields
from enum import Enum
from typing import TypeAlias


class SizeAfterData(Enum):
    """Which new sizes become durable only after the data that they uncover."""

    NONE = "no"
    NEW_BLOCKS = "into new blocks"
    """Growth into pages that the file did not reach before. Within its last page a file has a
    block already: its new size goes to the journal at once, and the data when it comes."""
    ALL = "yes"


class FsyncCommits(Enum):
    """What fsync(file) makes durable beside the file's own data and size."""

    NOTHING = "nothing"
    OWN_NAME = "own name"
    ALL_EARLIER = "all earlier"


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """A crash of the whole machine: what no barrier made durable may be lost, in any order.

    names_in_order: name effects and shrinking truncates become durable in program order, as in a
        journal.
    rename_atomic: both entries of a rename change together.
    size_after_data: which new sizes become durable only after the data that they uncover.
    replace_waits_for_data: a rename that replaces an existing file becomes durable only after the
        data written to the renamed file before it.
    truncate_rewrite_flushes: data rewritten after truncating to zero becomes durable before any
        name effect that comes after the close.
    fsync_commits: what fsync(file) makes durable beside the file's own data and size.
    flush_honoured: barriers reach the medium; False is a device that lies.
    sector, page: the units in which data reaches the disk, in bytes.
    """

    name: str
    summary: str
    names_in_order: bool
    rename_atomic: bool
    size_after_data: SizeAfterData
    replace_waits_for_data: bool
    truncate_rewrite_flushes: bool
    fsync_commits: FsyncCommits
    flush_honoured: bool = True
    sector: int = 512
    page: int = 4096

    def __post_init__(self) -> None:
        if self.sector < 1 or self.page < self.sector or self.page % self.sector:
            raise ValueError(
                f"profile {self.name}: page ({self.page} B) must be a multiple of sector "
                f"({self.sector} B), both at least 1"
            )


@dataclass(frozen=True, slots=True)
class ProcessKill:
    """The process dies and the kernel lives: everything done stays.

    The write under way may be cut at any byte.
    """

    name: str
    summary: str


Profile: TypeAlias = PowerLoss | ProcessKill

KILL = ProcessKill("kill", "the process dies, the kernel lives")
EXT4 = PowerLoss(
    "ext4",
    "data=ordered, the default mount",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.NEW_BLOCKS,
    replace_waits_for_data=True,
    truncate_rewrite_flushes=True,
    fsync_commits=FsyncCommits.ALL_EARLIER,
)
XFS = PowerLoss(
    "xfs",
    "the default mount",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.ALL,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=True,
    fsync_commits=FsyncCommits.ALL_EARLIER,
)
EXT4_NOAUTO_DA_ALLOC = PowerLoss(
    "ext4-noauto_da_alloc",
    "data=ordered, without the help for renames and truncates",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.NEW_BLOCKS,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.ALL_EARLIER,
)
EXT4_WRITEBACK = PowerLoss(
    "ext4-writeback",
    "data=writeback: sizes do not wait for data",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.NONE,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.ALL_EARLIER,
)
POSIX = PowerLoss(
    "posix",
    "only what the standard promises",
    names_in_order=False,
    rename_atomic=True,
    size_after_data=SizeAfterData.NONE,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.NOTHING,
)

BUILT_IN: tuple[Profile, ...] = (KILL, EXT4, XFS, EXT4_NOAUTO_DA_ALLOC, EXT4_WRITEBACK, POSIX)
"""From the strongest to the weakest. The states of ext4 and of xfs, which are not comparable, are
among those of ext4-noauto_da_alloc, and from there on each is among the next."""


def by_name(name: str) -> Profile:
    """The built-in profile of that name. Raises KeyError when there is none."""
    for profile in BUILT_IN:
        if profile.name == name:
            return profile
    raise KeyError(name)


def rules(profile: Profile) -> dict[str, str]:
    """Each rule of the profile and its value, in words, in a fixed order."""
    match profile:
        case ProcessKill():
            return {"everything done": "stays", "the write under way": "may be cut at any byte"}
        case PowerLoss():
            said: dict[str, str] = {}
            for field in fields(profile):
                if field.name in ("name", "summary"):
                    continue
                value = getattr(profile, field.name)
                match value:
                    case bool():
                        said[field.name] = "yes" if value else "no"
                    case FsyncCommits() | SizeAfterData():
                        said[field.name] = value.value
                    case _:
                        said[field.name] = f"{value} B"
            return said
