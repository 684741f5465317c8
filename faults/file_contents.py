"""The contents that one file may have after a power cut: which versions of its pages and sizes.

Pages and sizes are independent of each other, but where the profile ties a size to the data that it
uncovers, and where a truncation cut pages off: those begin again as zeros.

After a failed sync what was on its way counts as clean: it may be there, and nothing asks for it
any more, neither a later barrier nor a name or a size that would have waited for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from typing import TypeAlias

from tornwrite.faults.effects import FileBarrier, PageEffect, SizeEffect
from tornwrite.faults.profiles import PowerLoss, SizeAfterData
from tornwrite.faults.program_pages import torn_programs


@dataclass(frozen=True, slots=True)
class PageState:
    """What is on the disk of one page: all up to `whole`, and parts of what is up to `part`."""

    whole: int
    part: int


@dataclass(frozen=True, slots=True)
class Variant:
    """One content that a file may have; `held` counts the pages and sizes not the newest."""

    content: bytes
    held: int
    size: int
    """The number of the size effect in force."""
    pages: tuple[PageState, ...]


@dataclass(frozen=True, slots=True)
class Variants:
    """The contents a file may have, the newest first.

    possible: how many there are, before equal ones are counted once; `known` has them all unless
    `complete` is False.
    """

    known: tuple[Variant, ...]
    possible: int
    complete: bool


@dataclass(frozen=True, slots=True)
class _Version:
    number: int
    content: bytes
    generation: int
    clean: bool = False
    """Its sync failed."""


@dataclass(frozen=True, slots=True)
class _Size:
    number: int
    size: int
    shrinks: bool
    first_page: int
    clean: bool = False


_Option: TypeAlias = tuple[bytes, int, PageState]
"""What a page may hold, whether that is not its newest version (1), and how it came about."""


class FileContents:
    """What was done to one file, and what of it is on the disk for certain.

    base: its content at the start. interned: equal contents are one object, across files.
    most: how many contents are worked out before the list is cut short.
    """

    def __init__(
        self, base: bytes, profile: PowerLoss, interned: dict[bytes, bytes], most: int
    ) -> None:
        self.durable = 0
        """Everything done to the file before this number is on the disk."""
        self._base = base
        self._profile = profile
        self._interned = interned
        self._most = most
        self._sizes = [_Size(0, len(base), False, 0)]
        self._pages: dict[int, list[_Version]] = {}
        self._worked_out: dict[tuple[int, int, int, int | None], Variants] = {}
        self._last = 0

    # What was done

    def written(self, effect: PageEffect) -> None:
        """A page has a new version."""
        self._last = effect.number
        version = _Version(effect.number, effect.content, effect.generation)
        self._versions(effect.page).append(version)
        self._worked_out.clear()

    def resized(self, effect: SizeEffect) -> None:
        """The file has a new size."""
        self._last = effect.number
        first_page = effect.first_page
        if effect.shrinks:
            # Pages dropped whole lose their blocks: what comes after is a new generation of zeros.
            zeros = bytes(self._profile.page)
            for page in range(first_page, -(-self._sizes[-1].size // self._profile.page)):
                self._versions(page).append(_Version(effect.number, zeros, effect.number))
        elif self._profile.size_after_data is SizeAfterData.NEW_BLOCKS:
            first_page = effect.new_page
        self._sizes.append(_Size(effect.number, effect.size, effect.shrinks, first_page))
        self._worked_out.clear()

    def settle(self, number: int) -> None:
        """All that was done to the file before `number` is on the disk."""
        if number <= self.durable:
            return
        self.durable = number
        for page, versions in self._pages.items():
            self._pages[page] = versions[_asked_for(versions, number) :]
        self._sizes = self._sizes[_asked_for(self._sizes, number) :]
        self._worked_out.clear()

    def settle_pages(self, barrier: FileBarrier) -> None:
        """A part of the file was synced: these pages, and its sizes up to the one they need."""
        first, last = barrier.pages or (0, -1)
        for page, versions in self._pages.items():
            if first <= page <= last:
                self._pages[page] = versions[_asked_for(versions, barrier.until) :]
        reached = _asked_for(self._sizes, barrier.sizes + 1)
        if self._profile.size_after_data is not SizeAfterData.NONE:
            for size in self._sizes[: reached + 1]:
                if not size.shrinks:
                    self._settle_pages(size)
        self._sizes = self._sizes[reached:]
        self._worked_out.clear()

    def sync_failed(self) -> None:
        """What is not on the disk by now counts as clean."""
        for page, (oldest, *later) in self._pages.items():
            self._pages[page] = [oldest, *(replace(version, clean=True) for version in later)]
        durable, *since = self._sizes
        self._sizes = [durable, *(replace(size, clean=True) for size in since)]
        self._worked_out.clear()

    def settle_sizes(self, number: int) -> None:
        """The size of that number, or a later one, is on the disk, with the data it waited for."""
        if self._profile.size_after_data is not SizeAfterData.NONE:
            for size in self._sizes:
                if size.number < number and not size.shrinks:
                    self._settle_pages(size)
        self._sizes = [size for size in self._sizes if size.number >= number] or self._sizes[-1:]
        self._worked_out.clear()

    def _settle_pages(self, size: _Size) -> None:
        for page in range(size.first_page, -(-size.size // self._profile.page)):
            if page in self._pages:
                versions = self._pages[page]
                self._pages[page] = versions[_asked_for(versions, size.number) :]

    def has_size(self, number: int) -> bool:
        """Whether the size of that number, or a later one, is on the disk for certain."""
        return self._sizes[0].number >= number

    def _versions(self, page: int) -> list[_Version]:
        versions = self._pages.get(page)
        if versions is None:
            length = self._profile.page
            content = self._base[page * length : (page + 1) * length].ljust(length, b"\0")
            versions = self._pages[page] = [_Version(0, content, 0)]
        return versions

    # What could be there after a cut

    def variants(
        self,
        through: int,
        sizes_from: int | None,
        sizes_before: int | None,
        until: int | None = None,
    ) -> Variants:
        """The contents that the file may have.

        through: what was done before this number has to be there. sizes_from: the size of that
        number is there. sizes_before: the size of that number, and what came after, is not. until:
        nothing that was done after this number is there.
        """
        # No further than its own last change: then what is asked for more than once is known.
        through = max(min(through, self._last + 1), self.durable)
        if until is not None and until >= self._last:
            until = None
        lowest = _asked_for(self._sizes, through)
        if sizes_from is not None:
            lowest = max(lowest, _last_before(self._sizes, sizes_from + 1))
        highest = len(self._sizes) - 1
        if sizes_before is not None:
            highest = _last_before(self._sizes, sizes_before)
        if until is not None:
            highest = min(highest, _last_before(self._sizes, until + 1))
        key = (through, lowest, highest, until)
        known = self._worked_out.get(key)
        if known is None:
            known = self._worked_out[key] = self._work_out(through, lowest, highest, until)
        return known

    def _work_out(self, through: int, lowest: int, highest: int, until: int | None) -> Variants:
        known: dict[bytes, Variant] = {}
        possible, complete = 0, True
        for index in range(highest, lowest - 1, -1):
            choices = self._page_choices(through, index, until)
            count = 1
            for options in choices:
                count *= len(options)
            possible += count
            size = self._sizes[index]
            picks: Iterator[tuple[_Option, ...]] = product(*choices)
            if len(known) + count > self._most:
                complete = False
                picks = _nearest_first(choices, self._most - len(known))
            for pick in picks:
                content = b"".join([option[0] for option in pick])[: size.size]
                if content in known:
                    continue
                content = self._interned.setdefault(content, content)
                held = (highest - index) + sum(option[1] for option in pick)
                known[content] = Variant(
                    content, held, size.number, tuple(option[2] for option in pick)
                )
            for torn in self._torn_programs(through, index, until):
                possible += 1
                if len(known) == self._most:
                    complete = False
                    break
                known.setdefault(torn.content, replace(torn, held=torn.held + highest - index))
        ordered = tuple(sorted(known.values(), key=lambda variant: variant.held))
        return Variants(ordered, len(ordered) if complete else possible, complete)

    def _torn_programs(self, through: int, index: int, until: int | None) -> Iterator[Variant]:
        """Contents with one program page torn that was in flight at the cut, and all others whole.

        One is in flight when some page in it has a version that is not on the disk for certain,
        also one beyond the end that the file has in this state.
        """
        unit, page_size = self._profile.program_page, self._profile.page
        if not unit:
            return
        size = self._sizes[index]
        flying = {
            page * page_size // unit
            for page in self._pages
            if len(self._allowed(page, through, size, until)) > 1
        }
        starts = [start for start in range(0, size.size, unit) if start // unit in flying]
        if not starts:
            return
        needed = self._needed(through, index)
        wholes = [self._allowed(at, number, size, until) for at, number in enumerate(needed)]
        for pick in product(*wholes):
            whole = b"".join([version.content for version in pick])[: size.size]
            held = sum(
                version is not newest[0] for version, newest in zip(pick, wholes, strict=True)
            )
            for start in starts:
                pages = tuple(
                    PageState(
                        0 if at * page_size // unit == start // unit else one.number, one.number
                    )
                    for at, one in enumerate(pick)
                )
                for content in torn_programs(whole, start, start + unit, self._profile.sector):
                    content = self._interned.setdefault(content, content)
                    yield Variant(content, held + 1, size.number, pages)

    def _page_choices(self, through: int, index: int, until: int | None) -> list[list[_Option]]:
        """For each page of the file at its `index`-th size: the distinct contents, newest first."""
        size = self._sizes[index]
        return [
            self._page_options(page, self._allowed(page, number, size, until), size)
            for page, number in enumerate(self._needed(through, index))
        ]

    def _needed(self, through: int, index: int) -> list[int]:
        """For each page of the file at its `index`-th size: what was done before is there."""
        pages = -(-self._sizes[index].size // self._profile.page)
        needed = [through] * pages
        if self._profile.size_after_data is not SizeAfterData.NONE:
            for earlier in self._sizes[: index + 1]:
                if not earlier.shrinks:
                    last = min(pages, -(-earlier.size // self._profile.page))
                    for page in range(earlier.first_page, last):
                        needed[page] = max(needed[page], earlier.number)
        return needed

    def _allowed(self, page: int, through: int, size: _Size, until: int | None) -> list[_Version]:
        """The versions that may be on the disk of a page, the newest first."""
        versions = self._pages.get(page)
        if versions is None:
            length = self._profile.page
            content = self._base[page * length : (page + 1) * length].ljust(length, b"\0")
            return [_Version(0, content, 0)]
        generation = max(
            (v.generation for v in versions if v.generation <= size.number),
            default=versions[0].generation,
        )
        same = [version for version in versions if version.generation == generation]
        allowed = same[_asked_for(same, through) :]
        if until is not None:
            allowed = [version for version in allowed if version.number <= until] or allowed[:1]
        allowed.reverse()
        return allowed

    def _page_options(self, page: int, allowed: list[_Version], size: _Size) -> list[_Option]:
        length = min(self._profile.page, size.size - page * self._profile.page)
        newest = allowed[0].content[:length]
        options = {newest: (newest, 0, PageState(allowed[0].number, allowed[0].number))}
        for version in allowed[1:]:
            content = version.content[:length]
            options.setdefault(content, (content, 1, PageState(version.number, version.number)))
        if len(allowed) > 1:
            self._add_torn(allowed, length, options)
        return list(options.values())

    def _add_torn(
        self, allowed: list[_Version], length: int, options: dict[bytes, _Option]
    ) -> None:
        """A page in flight at the cut: sectors of one version, then sectors of another."""
        for cut in range(self._profile.sector, length, self._profile.sector):
            heads = {version.content[:cut]: version.number for version in allowed}
            tails = {version.content[cut:length]: version.number for version in allowed}
            if len(heads) == 1 or len(tails) == 1:
                continue
            for head, head_number in heads.items():
                for tail, tail_number in tails.items():
                    state = PageState(min(head_number, tail_number), max(head_number, tail_number))
                    options.setdefault(head + tail, (head + tail, 1, state))


def _last_before(items: Sequence[_Version | _Size], number: int) -> int:
    """The index of the last item done before `number`, 0 if there is none."""
    index = 0
    for position, item in enumerate(items):
        if item.number >= number:
            break
        index = position
    return index


def _asked_for(items: Sequence[_Version | _Size], number: int) -> int:
    """The index of the last item before `number` that a barrier still asks for."""
    index = _last_before(items, number)
    while index and items[index].clean:
        index -= 1
    return index


def _nearest_first(choices: list[list[_Option]], most: int) -> Iterator[tuple[_Option, ...]]:
    """Up to `most` picks: every prefix of the pages, then all with one held back, with two, …"""

    oldest = [
        [option for option in options if option[2].whole == option[2].part][-1]
        for options in choices
    ]

    def picks() -> Iterator[tuple[_Option, ...]]:
        for length in range(len(choices), -1, -1):
            yield (*(options[0] for options in choices[:length]), *oldest[length:])
        for count in range(len(choices) + 1):
            for held in combinations(range(len(choices)), count):
                ways = [
                    options[1:] if position in held else options[:1]
                    for position, options in enumerate(choices)
                ]
                yield from product(*ways)

    return islice(picks(), max(most, 0))
