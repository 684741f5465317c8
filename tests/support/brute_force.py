"""The crash states of a short trace, by the words of the design and nothing else.

Every assignment of a version to every page, a size to every file and a presence to every name
effect is made, and kept if it breaks no rule. Slow on purpose: no factoring, no caching.
"""

from itertools import pairwise, product

from tornwrite.faults.effects import (
    ROOT,
    DirectoryBarrier,
    Effect,
    FailedBarrier,
    FileBarrier,
    NameEffect,
    PageEffect,
    RewriteClosed,
    SizeEffect,
    SyncBarrier,
)
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import FsyncCommits, PowerLoss, SizeAfterData
from tornwrite.faults.steps import Step

MOST = 60_000
"""How many assignments are gone through before an example counts as too large."""


class TooMany(Exception):
    """The example is too large for brute force."""


def images_at(base: Image, steps: list[Step], profile: PowerLoss) -> set[Image]:
    """Every image that a power cut after the last of `steps` could leave."""
    interpreter = Interpreter(base, profile.page)
    start = {inode: interpreter.node(inode) for _, inode in interpreter.tree()}
    start_tree = dict(interpreter.tree())
    effects: list[Effect] = []
    kinds: dict[int, bytes | None] = {}
    for index, step in enumerate(steps):
        for effect in interpreter.apply(index, step):
            effects.append(effect)
            about = effect.subject if isinstance(effect, NameEffect) else None
            if isinstance(effect, PageEffect | SizeEffect | FileBarrier):
                about = effect.inode
            if about is not None and about not in start:
                kinds[about] = b"" if isinstance(interpreter.node(about), bytes) else None
    contents = {**start, **kinds}
    files = sorted(inode for inode, node in contents.items() if isinstance(node, bytes))

    names: list[tuple[int, int, NameEffect, tuple]] = []
    for effect in effects:
        if isinstance(effect, NameEffect):
            if profile.rename_atomic:
                names.append((effect.number, 0, effect, effect.changes))
            else:
                for order, change in enumerate(reversed(effect.changes)):
                    names.append((effect.number, order, effect, (change,)))
    sizes = {f: [(0, len(contents[f]), False)] for f in files}
    pages: dict[tuple[int, int], list[tuple[int, bytes, int]]] = {}

    def versions(f: int, p: int) -> list[tuple[int, bytes, int]]:
        if (f, p) not in pages:
            chunk = contents[f][p * profile.page : (p + 1) * profile.page]
            pages[f, p] = [(0, chunk.ljust(profile.page, b"\0"), 0)]
        return pages[f, p]

    for f in files:
        for p in range(-(-len(contents[f]) // profile.page)):
            versions(f, p)
    uncovers: dict[int, tuple[int, int, int]] = {}
    for effect in effects:
        if isinstance(effect, PageEffect):
            versions(effect.inode, effect.page).append(
                (effect.number, effect.content, effect.generation)
            )
        elif isinstance(effect, SizeEffect):
            if effect.shrinks:
                before = sizes[effect.inode][-1][1]
                for p in range(effect.first_page, -(-before // profile.page)):
                    versions(effect.inode, p).append(
                        (effect.number, bytes(profile.page), effect.number)
                    )
            else:
                last = (effect.size - 1) // profile.page
                before = sizes[effect.inode][-1][1]
                # A block that the file reached into before is there: only new ones have to wait.
                first = before // profile.page
                if profile.size_after_data is SizeAfterData.NEW_BLOCKS:
                    first = -(-before // profile.page)
                uncovers[effect.number] = (effect.inode, first, last)
            sizes[effect.inode].append((effect.number, effect.size, effect.shrinks))

    durable_names, durable_data, durable_sizes, durable_parts = _durable(
        effects, profile, files, uncovers
    )

    def data_there(
        f: int,
        number: int,
        size_at: dict,
        page_at: dict,
        at: int | None = None,
        part: tuple[int, int] | None = None,
    ) -> bool:
        """Whether all that was done to the file before `number` is in this state.

        Less what counted as clean by the time `at` that somebody asked, by now if nobody did. With
        a part: whether its pages are, the first to the last.
        """
        clean = last_failure(effects, f, at)
        if part is None and any(size_at[f][0] < s[0] < number for s in sizes[f] if s[0] > clean):
            return False
        for (g, p), known in pages.items():
            if g != f or p not in page_at[f] or (part and not part[0] <= p <= part[1]):
                continue
            head, tail, _ = page_at[f][p]
            own = [v for v in known if v[2] == head[2] and v[0] > clean]
            if any(v[0] < number and (head[0] < v[0] or tail[0] < v[0]) for v in own):
                return False
        return True

    def page_choices(f: int, p: int, size_number: int) -> list:
        known = versions(f, p)
        generation = max((v[2] for v in known if v[2] <= size_number), default=known[0][2])
        own = [v for v in known if v[2] == generation]
        cuts = range(profile.sector, profile.page, profile.sector)
        return [(v, v, 0) for v in own] + [
            (head, tail, cut) for head in own for tail in own if head != tail for cut in cuts
        ]

    work = 2 ** len(names)
    for f in files:
        longest = max(size for _, size, _ in sizes[f])
        for p in range(-(-longest // profile.page)):
            work *= len(versions(f, p)) ** 2
        work *= len(sizes[f])
    if work > MOST:
        raise TooMany
    found: set[Image] = set()
    size_choices = [sizes[f] for f in files]
    for presence in product((True, False), repeat=len(names)):
        included = [item for item, here in zip(names, presence, strict=True) if here]
        included_set = {(item[0], item[1]) for item in included}
        if any((n, o) not in included_set for n, o, e, c in names if (n, o) in durable_names):
            continue
        for size_pick in product(*size_choices):
            size_at = dict(zip(files, size_pick, strict=True))
            if profile.names_in_order:
                journal = [(n, o, True) for n, o, _, _ in names if (n, o) in included_set]
                everything = [(n, o) for n, o, _, _ in names]
                for f in files:
                    for number, _, shrinks in sizes[f]:
                        if number and (shrinks or profile.sizes_in_order):
                            everything.append((number, 0))
                            if number <= size_at[f][0]:
                                journal.append((number, 0, True))
                present = {(n, o) for n, o, _ in journal}
                everything.sort()
                flags = [item in present for item in everything]
                if any(not a and b for a, b in pairwise(flags)):
                    continue
            if any(size_at[f][0] < number for f, number in durable_sizes):
                continue
            if profile.commits_wait_for_data:
                last_record = max([n for n, _ in present], default=-1)
            per_file = []
            for f in files:
                count = -(-size_at[f][1] // profile.page)
                per_file.append(
                    [
                        dict(enumerate(pick))
                        for pick in product(
                            *(page_choices(f, p, size_at[f][0]) for p in range(count))
                        )
                    ]
                )
            for page_pick in product(*per_file):
                page_at = dict(zip(files, page_pick, strict=True))
                if not all(data_there(f, n, size_at, page_at, at) for f, n, at in durable_data):
                    continue
                if not all(
                    data_there(f, n, size_at, page_at, at, part) for f, n, at, part in durable_parts
                ):
                    continue
                if profile.commits_wait_for_data and not all(
                    data_there(f, last_record, size_at, page_at) for f in files
                ):
                    continue
                if profile.data_in_order and not _in_order(
                    effects, {e.number for _, _, e, _ in included}, size_at, page_at, pages
                ):
                    continue
                if profile.size_after_data is not SizeAfterData.NONE and not all(
                    _uncovered_there(f, size_at, page_at, uncovers, effects, pages) for f in files
                ):
                    continue
                if profile.replace_waits_for_data and not all(
                    data_there(e.subject, n, size_at, page_at)
                    for n, _, e, _ in included
                    if e.replaces
                ):
                    continue
                if profile.truncate_rewrite_flushes and not all(
                    data_there(e.inode, e.number, size_at, page_at)
                    for e in effects
                    if isinstance(e, RewriteClosed) and any(n > e.number for n, _, _, _ in included)
                ):
                    continue
                found.add(_image(start_tree, contents, included, size_at, page_at, profile))
                if profile.program_page:
                    torn = [
                        _programmed(
                            f, size_at, page_at, pages, durable_data, durable_parts, profile
                        )
                        for f in files
                    ]
                    for programmed in product(*torn):
                        instead = dict(zip(files, programmed, strict=True))
                        args = (start_tree, contents, included, size_at, page_at, profile)
                        found.add(_image(*args, instead))
    return found


def last_failure(effects: list[Effect], inode: int, before: int | None = None) -> int:
    """The number of the last sync of the file or directory that failed, before that number."""
    numbers = [e.number for e in effects if isinstance(e, FailedBarrier) and e.inode == inode]
    return max((n for n in numbers if before is None or n < before), default=-1)


def _programmed(f, size_at, page_at, pages, durable_data, durable_parts, profile) -> list[bytes]:
    """A file as it is and, if its pages are whole, each program page in flight torn in each way."""
    size = size_at[f][1]
    there = [at for _, at in sorted(page_at[f].items())]
    whole = b"".join(head[1][:cut] + tail[1][cut:] for head, tail, cut in there)[:size]
    found = [whole]
    if any(head != tail for head, tail, _ in there):
        return found
    certain = max((n for g, n, _ in durable_data if g == f), default=0)
    for start in range(0, size, profile.program_page):
        end = min(start + profile.program_page, size)
        flying = False
        for (g, p), known in pages.items():
            if g == f and start <= p * profile.page < start + profile.program_page:
                generation = max((v[2] for v in known if v[2] <= size_at[f][0]), default=0)
                own = [v for v in known if v[2] == generation]
                parts = [n for g, n, _, at in durable_parts if g == f and at[0] <= p <= at[1]]
                flying |= any(v[0] >= max([certain, *parts]) for v in own[1:])
        if not flying:
            continue
        sectors = range(start, end, profile.sector)
        for number in range(len(sectors)):
            for kept in (sectors[:number], sectors[len(sectors) - number :]):
                torn = bytearray(whole)
                for at in sectors:
                    if at not in kept:
                        torn[at : min(at + profile.sector, end)] = b"\xff" * min(
                            profile.sector, end - at
                        )
                found.append(bytes(torn))
    return found


def _in_order(effects, names, size_at, page_at, pages) -> bool:
    """Whether some number parts what is there, all before it, from what is not."""
    for last in effects:
        if not isinstance(last, NameEffect | PageEffect | SizeEffect) or _brings_a_size(
            last, effects
        ):
            continue
        if _all_until(last.number, effects, names, size_at, page_at, pages):
            return True
    return _all_until(0, effects, names, size_at, page_at, pages)


def _brings_a_size(effect, effects) -> bool:
    """A page and the size that the same write gives the file are one."""
    return isinstance(effect, PageEffect) and any(
        isinstance(e, SizeEffect)
        and not e.shrinks
        and (e.step, e.number) == (effect.step, effect.number + 1)
        for e in effects
    )


def _all_until(number, effects, names, size_at, page_at, pages) -> bool:
    for e in effects:
        if isinstance(e, NameEffect) and (e.number in names) != (e.number <= number):
            return False
        sized = isinstance(e, SizeEffect) and e.inode in size_at
        if sized and (size_at[e.inode][0] >= e.number) != (e.number <= number):
            return False
    for f, at in page_at.items():
        for p, (head, tail, _) in at.items():
            if head != tail or any(
                (v[0] <= head[0]) != (v[0] <= number) for v in pages[f, p] if v[2] == head[2]
            ):
                return False
    return True


def _uncovered_there(f, size_at, page_at, uncovers, effects, pages) -> bool:
    clean = last_failure(effects, f)
    for number, (g, first, last) in uncovers.items():
        if g != f or number > size_at[f][0]:
            continue
        for p in range(first, last + 1):
            if p not in page_at[f]:
                continue
            head, tail, _ = page_at[f][p]
            own = [v for v in pages[f, p] if v[2] == head[2] and v[0] > clean]
            if any(v[0] < number and (head[0] < v[0] or tail[0] < v[0]) for v in own):
                return False
    return True


def _durable(effects: list[Effect], profile: PowerLoss, files: list[int], uncovers: dict):
    """What the barriers made durable: name effects, data, (file, number) sizes, parts of files.

    Data is (file, number, when): what was done before the number, as it was asked for then. A part
    has the first and the last of its pages beside.
    """
    names: dict[tuple[int, int], int] = {}
    data: set[tuple[int, int, int]] = set()
    sizes: dict[tuple[int, int], int] = {}
    parts: set[tuple[int, int, int, tuple[int, int]]] = set()
    if not profile.flush_honoured:
        return names, data, sizes, parts
    all_names = [e for e in effects if isinstance(e, NameEffect)]
    journaled = [
        e for e in effects if isinstance(e, SizeEffect) and (e.shrinks or profile.sizes_in_order)
    ]

    def halves(effect: NameEffect, now: int, asked=True, where=lambda change: True):
        def fine(changes) -> bool:
            # Not where the directory's sync failed in between, unless it has a journal,
            # as what makes a rename one does.
            clean = max(last_failure(effects, directory, now) for directory, _, _ in changes)
            return profile.rename_atomic or not asked or effect.number > clean

        if profile.rename_atomic:
            if any(where(change) for change in effect.changes) and fine(effect.changes):
                names.setdefault((effect.number, 0), now)
        else:
            for order, change in enumerate(reversed(effect.changes)):
                if where(change) and fine([change]):
                    names.setdefault((effect.number, order), now)

    def commit(through: int, now: int) -> None:
        for effect in all_names:
            if effect.number <= through:
                halves(effect, now)
        if profile.names_in_order:
            for effect in journaled:
                if effect.number <= through:
                    sizes.setdefault((effect.inode, effect.number), now)
        if profile.data_in_order:
            data.update((f, through, now) for f in files)

    barriers = [e for e in effects if isinstance(e, FileBarrier | DirectoryBarrier | SyncBarrier)]
    everything = profile.fsync_commits is FsyncCommits.EVERYTHING
    # Each reached the medium when as many more had been asked for as may be in flight.
    for barrier, later in zip(barriers, barriers[profile.barriers_in_flight :], strict=False):
        now = later.number
        match barrier:
            case FileBarrier():
                if barrier.pages is None:
                    data.add((barrier.inode, barrier.until, now))
                else:
                    parts.add((barrier.inode, barrier.until, now, barrier.pages))
                    clean = last_failure(effects, barrier.inode, now)
                    own = [e for e in effects if isinstance(e, SizeEffect)]
                    own = [e.number for e in own if e.inode == barrier.inode]
                    reached = [number for number in own if clean < number <= barrier.sizes]
                    for number in reached:
                        sizes.setdefault((barrier.inode, number), now)
                    if profile.size_after_data is not SizeAfterData.NONE:
                        # A size that is durable has by now what it had to wait for.
                        for number in own:
                            if number in uncovers and number <= max(reached, default=-1):
                                parts.add((barrier.inode, number, now, uncovers[number][1:]))
                if everything:
                    commit(barrier.until - 1, now)
                elif profile.fsync_commits is FsyncCommits.ALL_EARLIER:
                    commit(barrier.horizon, now)
                elif profile.fsync_commits is FsyncCommits.OWN_NAME:
                    for effect in all_names:
                        own = barrier.inode in (effect.subject, effect.other)
                        if effect.number <= barrier.horizon and own:
                            halves(effect, now, asked=False)
            case DirectoryBarrier():
                if profile.names_in_order or everything:
                    commit(barrier.until - 1 if everything else barrier.horizon, now)
                else:
                    for effect in all_names:
                        if effect.number < barrier.until:
                            halves(
                                effect,
                                now,
                                where=lambda change, d=barrier.inode: change[0] == d,
                            )
            case SyncBarrier():
                commit(barrier.until - 1, now)
                data |= {(f, barrier.until, now) for f in files}
    # What waits for data has it on the disk once it is durable itself.
    for effect in all_names:
        times = [when for (number, _), when in names.items() if number == effect.number]
        if times:
            when = min(times)
            if effect.replaces and profile.replace_waits_for_data:
                data.add((effect.subject, effect.number, when))
            if profile.truncate_rewrite_flushes:
                for closed in effects:
                    if isinstance(closed, RewriteClosed) and closed.number < effect.number:
                        data.add((closed.inode, closed.number, when))
    if profile.commits_wait_for_data:
        data |= {(f, n, when) for (n, _), when in names.items() for f in files}
        data |= {(f, n, when) for (_, n), when in sizes.items() for f in files}
    return names, data, sizes, parts


def _image(start_tree, contents, included, size_at, page_at, profile, instead=None) -> Image:
    entries: dict[tuple[int, str], int] = {}
    by_path = {"": ROOT}
    for path, inode in start_tree.items():
        folder, _, name = path.rpartition("/")
        by_path[path] = inode
        entries[by_path[folder], name] = inode
    for _, _, _, changes in included:
        for directory, name, inode in changes:
            if inode is None:
                entries.pop((directory, name), None)
            else:
                entries[directory, name] = inode
    found: list = []

    def visit(directory: int, prefix: str) -> None:
        for (parent, name), inode in entries.items():
            if parent != directory:
                continue
            if inode in size_at:
                size = size_at[inode][1]
                data = b"".join(
                    head[1][:cut] + tail[1][cut:]
                    for _, (head, tail, cut) in sorted(page_at[inode].items())
                )
                found.append((prefix + name, instead[inode] if instead else data[:size]))
            else:
                found.append((prefix + name, contents[inode]))
                visit(inode, prefix + name + "/")

    visit(ROOT, "")
    return tuple(sorted(found))
