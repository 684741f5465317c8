"""Profiles: which effects a kind of crash, file system and device may lose or reorder.

A profile is a value; the built-in ones are only the first users of the rules. Each rule is a claim
about the real world, to be checked against real kernels. Sources: `docs/disk-model.md` names them
rule by rule.
"""

from collections.abc import Sequence
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
    """Every name effect up to the file's own last change: that much of the journal at least."""
    EVERYTHING = "everything"
    """Every name effect and size so far, and the data where the journal has it."""


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
    sizes_in_order: growing sizes are in the journal too, in program order with the names.
    commits_wait_for_data: what is in the journal becomes durable only after all data written before
        it, to whatever file.
    data_in_order: the data is in the journal too, page by page, each together with the size that it
        brings; no page is torn.
    flush_honoured: barriers reach the medium; False is a device that lies.
    barriers_in_flight: how many barriers, the last ones before the cut, may not have reached the
        medium although they returned.
    sector, page: the units in which data reaches the disk, in bytes.
    program_page: the unit that a flash chip programs at once, in bytes: a piece of the file that
        begins at a multiple of it. With power lost meanwhile part of it reads as erased, 0xFF,
        beside data that was there for long. 0: nothing of the kind.
    erase_block: the unit that a flash chip erases at once, in bytes: how far around a write in
        flight data can be damaged. No crash state has such damage: a fault lane brings it. 0: none.

    Raises ValueError, naming the rule, for units that do not fit each other and for rules that need
    others.
    """

    name: str
    summary: str
    names_in_order: bool
    rename_atomic: bool
    size_after_data: SizeAfterData
    replace_waits_for_data: bool
    truncate_rewrite_flushes: bool
    fsync_commits: FsyncCommits
    sizes_in_order: bool = False
    commits_wait_for_data: bool = False
    data_in_order: bool = False
    flush_honoured: bool = True
    barriers_in_flight: int = 0
    sector: int = 512
    page: int = 4096
    program_page: int = 0
    erase_block: int = 0

    def __post_init__(self) -> None:
        wrong = _wrong_units(self) or _wrong_rules(self)
        if wrong:
            raise ValueError(f"profile {self.name}: {wrong}")

    @property
    def tells_the_truth(self) -> bool:
        """Whether what is synced is safe for good: on such a device every promise can be kept."""
        flash = self.program_page or self.erase_block
        return self.flush_honoured and not self.barriers_in_flight and not flash


def _wrong_units(profile: PowerLoss) -> str:
    sector, page, program = profile.sector, profile.page, profile.program_page
    if sector < 1 or page < sector or page % sector:
        return f"page ({page} B) must be a multiple of sector ({sector} B), both at least 1"
    if program < 0 or program % page:
        return f"program_page ({program} B) must be 0 or a multiple of page ({page} B)"
    block, unit = profile.erase_block, program or page
    if block < 0 or block % unit:
        name = "program_page" if program else "page"
        return f"erase_block ({block} B) must be 0 or a multiple of {name} ({unit} B)"
    if profile.barriers_in_flight < 0:
        return f"barriers_in_flight ({profile.barriers_in_flight}) must be 0 or more"
    return ""


def _wrong_rules(profile: PowerLoss) -> str:
    if profile.sizes_in_order and not profile.names_in_order:
        return "sizes_in_order needs names_in_order: the sizes are in the journal of the names"
    for rule in ("commits_wait_for_data", "data_in_order"):
        if getattr(profile, rule) and not profile.sizes_in_order:
            return f"{rule} needs sizes_in_order: it is about a journal that has the sizes"
    if profile.data_in_order and profile.fsync_commits is not FsyncCommits.EVERYTHING:
        wanted = FsyncCommits.EVERYTHING.value
        return f'data_in_order needs fsync_commits = "{wanted}": one journal is committed as one'
    return ""


@dataclass(frozen=True, slots=True)
class ProcessKill:
    """The process dies and the kernel lives: everything done stays.

    The write under way may be cut at any byte.
    """

    name: str
    summary: str


Profile: TypeAlias = PowerLoss | ProcessKill

KILL = ProcessKill("kill", "the process dies, the kernel lives")
EXT3_JOURNAL = PowerLoss(
    "ext3-journal",
    "data=journal: the data goes through the journal",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.ALL,
    replace_waits_for_data=True,
    truncate_rewrite_flushes=True,
    fsync_commits=FsyncCommits.EVERYTHING,
    sizes_in_order=True,
    commits_wait_for_data=True,
    data_in_order=True,
    sector=4096,
)
EXT3_ORDERED = PowerLoss(
    "ext3-ordered",
    "data=ordered: the journal waits for all data",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.ALL,
    replace_waits_for_data=True,
    truncate_rewrite_flushes=True,
    fsync_commits=FsyncCommits.ALL_EARLIER,
    sizes_in_order=True,
    commits_wait_for_data=True,
)
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
EXT3_WRITEBACK = PowerLoss(
    "ext3-writeback",
    "data=writeback: the journal has names and sizes and waits for no data",
    names_in_order=True,
    rename_atomic=True,
    size_after_data=SizeAfterData.NONE,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.ALL_EARLIER,
    sizes_in_order=True,
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
BTRFS = PowerLoss(
    "btrfs",
    "copy on write: names in any order, pages whole",
    names_in_order=False,
    rename_atomic=True,
    size_after_data=SizeAfterData.ALL,
    replace_waits_for_data=True,
    truncate_rewrite_flushes=True,
    fsync_commits=FsyncCommits.OWN_NAME,
    sector=4096,
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

FAT = PowerLoss(
    "fat",
    "no journal: a rename may leave both names or none",
    names_in_order=False,
    rename_atomic=False,
    size_after_data=SizeAfterData.NONE,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.NOTHING,
)
SDCARD = PowerLoss(
    "sdcard",
    "as posix, on a card: the last barriers may be lost, a page in flight torn",
    names_in_order=False,
    rename_atomic=True,
    size_after_data=SizeAfterData.NONE,
    replace_waits_for_data=False,
    truncate_rewrite_flushes=False,
    fsync_commits=FsyncCommits.NOTHING,
    barriers_in_flight=2,
    program_page=16 * 1024,
    erase_block=4 * 1024 * 1024,
)

DEFAULT: tuple[Profile, ...] = (
    KILL,
    EXT4,
    XFS,
    EXT4_NOAUTO_DA_ALLOC,
    EXT4_WRITEBACK,
    BTRFS,
    POSIX,
)
"""What a run judges unless it is told otherwise, from the strongest to the weakest. The states of
ext4 and of xfs, which are not comparable, are among those of ext4-noauto_da_alloc, and those of all
power losses here among those of posix."""

KNOWN: tuple[Profile, ...] = (
    KILL,
    EXT3_JOURNAL,
    EXT3_ORDERED,
    EXT4,
    XFS,
    EXT4_NOAUTO_DA_ALLOC,
    EXT3_WRITEBACK,
    EXT4_WRITEBACK,
    BTRFS,
    POSIX,
    FAT,
    SDCARD,
)
"""Every built-in profile; none comes after one that is weaker in every rule. No store can keep all
its promises on the last two."""


def by_name(name: str, also: Sequence[PowerLoss] = ()) -> Profile:
    """The profile of that name, built-in or one of these. Raises KeyError when there is none."""
    for profile in (*KNOWN, *also):
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
                    case 0:
                        said[field.name] = "none"
                    case _:
                        unit = "" if field.name == "barriers_in_flight" else " B"
                        said[field.name] = f"{value}{unit}"
            return said
