"""What is on the disk for certain, what is on its way, and what a power cut could leave of it.

`Disk` takes effects in program order and knows one profile. Between two effects it answers: which
sets of names could a power cut leave (`name_states`), and, under one of them, which contents could
a file have (`variants`). The two together are all crash states at that point, in a factored form:
files are independent of each other once the names are chosen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TypeAlias

from tornwrite.faults.effects import (
    ROOT,
    DirectoryBarrier,
    Effect,
    FailedBarrier,
    FileBarrier,
    Inode,
    NameEffect,
    PageEffect,
    RewriteClosed,
    SizeEffect,
    SyncBarrier,
)
from tornwrite.faults.file_contents import FileContents, Variants
from tornwrite.faults.images import Image, Node, SymbolicLink
from tornwrite.faults.interpreter import walk
from tornwrite.faults.profiles import FsyncCommits, PowerLoss

Tree: TypeAlias = tuple[tuple[str, Inode], ...]
Entry: TypeAlias = tuple[Inode, str]
Barrier: TypeAlias = FileBarrier | DirectoryBarrier | SyncBarrier


@dataclass(frozen=True, slots=True)
class NameState:
    """One choice of names.

    tree: every path and its inode. held: how many name effects on their way were held back.
    through: per inode, a number: what was done to the inode's data before it has to be there.
    sizes_from, sizes_before: per inode, the shrinking truncates (by number) that are there, and the
    first that is not. left_out: the numbers of the name effects on their way that are not there.
    until: where the journal has the data, the number of the last effect that is there.
    """

    tree: Tree
    held: int
    through: Mapping[Inode, int]
    sizes_from: Mapping[Inode, int]
    sizes_before: Mapping[Inode, int]
    left_out: frozenset[int]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class NameStates:
    """Choices of names; all there are unless `complete` is False."""

    known: tuple[NameState, ...]
    complete: bool


@dataclass(slots=True)
class _Pending:
    """A name effect on its way, or what else a journal holds: a new size, the data of a page."""

    number: int
    changes: tuple[tuple[Inode, str, Inode | None], ...] = ()
    subject: Inode = ROOT
    other: Inode | None = None
    waits: bool = False
    resizes: Inode | None = None
    writes: PageEffect | None = None
    clean: bool = False
    """A sync of its directory failed: no later one asks for it."""


class Disk:
    """The disk under one profile. `base` is its durable content at the start.

    most_variants: how many contents of one file are worked out before the list is cut short.
    """

    def __init__(self, base: Image, profile: PowerLoss, most_variants: int = 4096) -> None:
        self.profile = profile
        self._waits_for_data = profile.commits_wait_for_data or profile.data_in_order
        self._most_variants = most_variants
        self._files: dict[Inode, FileContents] = {}
        self._links: dict[Inode, SymbolicLink] = {}
        self._entries: dict[Inode, dict[str, Inode]] = {ROOT: {}}
        self._settled: dict[Entry, int] = {}
        self._pending: list[_Pending] = []
        self._committed = 0
        self._in_flight: list[Barrier] = []
        self._rewrites: list[tuple[int, Inode]] = []
        self._interned: dict[bytes, bytes] = {}
        paths: dict[str, Inode] = {"": ROOT}
        for number, (path, node) in enumerate(base, start=1):
            folder, _, name = path.rpartition("/")
            self._entries[paths[folder]][name] = number
            paths[path] = number
            self.create(number, node)

    # What was done

    def create(self, inode: Inode, node: Node) -> None:
        """A new inode, with the content it has from the start."""
        match node:
            case None:
                self._entries.setdefault(inode, {})
            case SymbolicLink():
                self._links[inode] = node
            case _:
                self._files[inode] = FileContents(
                    node, self.profile, self._interned, self._most_variants
                )

    def apply(self, effect: Effect) -> None:
        """Take the next effect in program order."""
        match effect:
            case PageEffect():
                self._files[effect.inode].written(effect)
                if self.profile.data_in_order:
                    self._pending.append(_Pending(effect.number, writes=effect))
            case SizeEffect():
                self._files[effect.inode].resized(effect)
                self._resized(effect)
            case NameEffect():
                self._name(effect)
            case RewriteClosed():
                if self.profile.truncate_rewrite_flushes:
                    self._rewrites.append((effect.number, effect.inode))
            case FailedBarrier(_, _, inode):
                self._sync_failed(inode)
            case FileBarrier() | DirectoryBarrier() | SyncBarrier() if self.profile.flush_honoured:
                self._in_flight.append(effect)
                if len(self._in_flight) > self.profile.barriers_in_flight:
                    self._reach_medium(self._in_flight.pop(0))
            case FileBarrier() | DirectoryBarrier() | SyncBarrier():
                pass  # the device lies: nothing became durable

    def _resized(self, effect: SizeEffect) -> None:
        if not self.profile.sizes_in_order and not (effect.shrinks and self.profile.names_in_order):
            return
        page = self._pending[-1].writes if self._pending and not effect.shrinks else None
        if page is not None and (page.number, page.step) == (effect.number - 1, effect.step):
            self._pending.pop()  # a page and the size that it brings are one
        self._pending.append(_Pending(effect.number, resizes=effect.inode))

    def _name(self, effect: NameEffect) -> None:
        waits = effect.replaces and self.profile.replace_waits_for_data
        if self.profile.rename_atomic or len(effect.changes) == 1:
            self._pending.append(
                _Pending(effect.number, effect.changes, effect.subject, effect.other, waits)
            )
            return
        # The new name first: a program can tell a file with two names from one that is gone.
        for change in reversed(effect.changes):
            item = _Pending(effect.number, (change,), effect.subject, effect.other, waits)
            self._pending.append(item)

    def _sync_failed(self, inode: Inode) -> None:
        if inode in self._files:
            self._files[inode].sync_failed()
        elif not self.profile.rename_atomic:
            # Without a journal a directory is written like a file. One that has a journal, and so
            # makes a rename one, is not written to any more when the journal could not be.
            for item in self._pending:
                if any(directory == inode for directory, _, _ in item.changes):
                    item.clean = True

    def _reach_medium(self, barrier: Barrier) -> None:
        """Settle what was done before the barrier, and nothing that was done since."""
        match barrier:
            case FileBarrier():
                self._sync_file(barrier)
            case DirectoryBarrier():
                self._sync_directory(barrier)
            case SyncBarrier(until=until):
                self._commit_through(until - 1)
                for file in self._files.values():
                    file.settle(until)
                self._rewrites = [one for one in self._rewrites if one[0] >= until]

    def _sync_file(self, barrier: FileBarrier) -> None:
        if barrier.pages is None:
            self._settle_data(barrier.inode, barrier.until)
        else:
            self._files[barrier.inode].settle_pages(barrier)
        match self.profile.fsync_commits:
            case FsyncCommits.ALL_EARLIER:
                self._commit_through(barrier.horizon)
            case FsyncCommits.EVERYTHING:
                self._commit_through(barrier.until - 1)
            case FsyncCommits.OWN_NAME:
                own = [one for one in self._pending if barrier.inode in (one.subject, one.other)]
                self._settle_names([item for item in own if item.number <= barrier.horizon])
            case FsyncCommits.NOTHING:
                pass
        # Its own shrinks are durable with its size, wherever they are kept.
        self._pending = [
            item for item in self._pending if not self._is_settled_shrink(item, barrier)
        ]

    def _is_settled_shrink(self, item: _Pending, barrier: FileBarrier) -> bool:
        return item.resizes == barrier.inode and self._files[barrier.inode].has_size(item.number)

    def _sync_directory(self, barrier: DirectoryBarrier) -> None:
        if self.profile.fsync_commits is FsyncCommits.EVERYTHING:
            self._commit_through(barrier.until - 1)
            return
        if self.profile.names_in_order:
            self._commit_through(barrier.horizon)
            return
        inside = [
            item
            for item in self._pending
            if item.number < barrier.until
            and not item.clean
            and any(directory == barrier.inode for directory, _, _ in item.changes)
        ]
        self._settle_names(inside)

    def _commit_through(self, number: int) -> None:
        self._settle_names(
            [item for item in self._pending if item.number <= number and not item.clean]
        )

    def _settle_names(self, items: list[_Pending]) -> None:
        """These are on the disk now, and with them the data that they had to wait for."""
        self._committed = max([self._committed, *(item.number for item in items)])
        if self._waits_for_data:
            for file in self._files.values():
                file.settle(self._committed + 1)
        for item in items:
            for directory, name, inode in item.changes:
                if self._settled.get((directory, name), 0) > item.number:
                    continue
                self._settled[directory, name] = item.number
                if inode is None:
                    self._entries[directory].pop(name, None)
                else:
                    self._entries[directory][name] = inode
            if item.waits:
                self._settle_data(item.subject, item.number)
            if item.resizes is not None:
                self._files[item.resizes].settle_sizes(item.number)
            for closed, inode in self._rewrites:
                if closed < item.number:
                    self._settle_data(inode, closed)
        gone = {id(item) for item in items}
        self._pending = [item for item in self._pending if id(item) not in gone]

    def _settle_data(self, inode: Inode, number: int) -> None:
        if inode in self._files:
            self._files[inode].settle(number)

    # What could be there after a cut

    def node(self, inode: Inode) -> Node:
        """What is not a file: None for a directory, else the symbolic link."""
        return self._links.get(inode)

    def is_file(self, inode: Inode) -> bool:
        return inode in self._files

    def name_states(self) -> NameStates:
        """Every choice of names that a cut now could leave, the fullest first."""
        if self.profile.names_in_order:
            return NameStates(tuple(self._journal_states()), True)
        return self._unordered_states()

    def _journal_states(self) -> Iterator[NameState]:
        pending = self._pending
        for length in range(len(pending), -1, -1):
            present, absent = pending[:length], pending[length:]
            through: dict[Inode, int] = {}
            sizes_from: dict[Inode, int] = {}
            sizes_before: dict[Inode, int] = {}
            for item in present:
                self._add_needs(item, through)
                if item.resizes is not None:
                    sizes_from[item.resizes] = item.number
            until = None
            if self._waits_for_data:
                reached = present[-1].number if present else self._committed
                through = dict.fromkeys(self._files, reached + 1)
                until = reached if self.profile.data_in_order else None
            for item in reversed(absent):
                if item.resizes is not None:
                    sizes_before[item.resizes] = item.number
            yield NameState(
                self._tree(present),
                len(absent),
                through,
                sizes_from,
                sizes_before,
                frozenset(item.number for item in absent),
                until,
            )

    def _unordered_states(self) -> NameStates:
        """Every subset of the effects on their way, those with the same outcome counted once."""
        subsets = self._distinct_subsets()
        complete = subsets is not None
        if subsets is None:
            subsets = self._nearest_subsets()
        states: dict[tuple[Tree, frozenset[tuple[Inode, int]]], NameState] = {}
        for subset in sorted(subsets, key=len, reverse=True):
            items = [self._pending[position] for position in subset]
            through: dict[Inode, int] = {}
            for item in items:
                self._add_needs(item, through)
            tree = self._tree(items)
            held = len(self._pending) - len(items)
            here = set(subset)
            left_out = frozenset(
                item.number for position, item in enumerate(self._pending) if position not in here
            )
            states.setdefault(
                (tree, frozenset(through.items())), NameState(tree, held, through, {}, {}, left_out)
            )
        return NameStates(tuple(states.values()), complete)

    def _distinct_subsets(self) -> list[tuple[int, ...]] | None:
        """One subset of what is pending for each outcome, the largest; None if there are too many.

        The outcome of a subset is, for each entry, the last effect on it, and what has to be waited
        for: so outcomes are built up effect by effect and equal ones meet at once.
        """
        found: dict[tuple[frozenset[tuple[Entry, int]], frozenset[tuple[Inode, int]]], list[int]]
        found = {(frozenset(), frozenset()): []}
        for position, item in enumerate(self._pending):
            entries = {(directory, name) for directory, name, _ in item.changes}
            live = {entry for entry in entries if self._settled.get(entry, 0) < item.number}
            needs: dict[Inode, int] = {}
            self._add_needs(item, needs)
            for (chosen, through), included in list(found.items()):
                kept = {pair for pair in chosen if pair[0] not in live}
                merged = dict(through)
                for inode, number in needs.items():
                    merged[inode] = max(number, merged.get(inode, 0))
                key = (
                    frozenset(kept | {(entry, item.number) for entry in live}),
                    frozenset(merged.items()),
                )
                known = found.get(key)
                if known is None or len(known) < len(included) + 1:
                    found[key] = [*included, position]
            if len(found) > self._most_variants:
                return None
        return [tuple(included) for included in found.values()]

    def _nearest_subsets(self) -> list[tuple[int, ...]]:
        """Every prefix; all but one effect; all but two; as far as the limit allows."""
        everything = range(len(self._pending))
        prefixes = [tuple(range(length)) for length in range(len(self._pending) + 1)]
        without = (
            tuple(position for position in everything if position not in held)
            for count in (1, 2)
            for held in combinations(everything, count)
        )
        return prefixes + list(islice(without, self._most_variants))

    def _add_needs(self, item: _Pending, through: dict[Inode, int]) -> None:
        if item.waits:
            through[item.subject] = max(item.number, through.get(item.subject, 0))
        for closed, inode in self._rewrites:
            if closed < item.number:
                through[inode] = max(closed, through.get(inode, 0))

    def _tree(self, present: list[_Pending]) -> Tree:
        overlay: dict[Inode, dict[str, Inode]] = {}
        for item in present:
            for directory, name, inode in item.changes:
                if self._settled.get((directory, name), 0) > item.number:
                    continue
                entries = overlay.setdefault(directory, dict(self._entries[directory]))
                if inode is None:
                    entries.pop(name, None)
                else:
                    entries[name] = inode
        return tuple(walk(ROOT, lambda inode: overlay.get(inode, self._entries.get(inode))))

    def variants(self, inode: Inode, names: NameState) -> Variants:
        """The contents that the file may have beside these names."""
        return self._files[inode].variants(
            names.through.get(inode, 0),
            names.sizes_from.get(inode),
            names.sizes_before.get(inode),
            names.until,
        )
