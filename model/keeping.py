"""What every store owes its files: damage is kept, and nothing unfinished is left lying about."""

from collections.abc import Collection, Iterable, Iterator

from tornwrite.model import promises
from tornwrite.model.operation import Observation
from tornwrite.model.verdict import Kind, Violation


def damage_kept(must_keep: Iterable[Collection[str]], observed: Observation) -> Iterator[Violation]:
    """The violation if damaged bytes that were there before the run are gone from every file.

    must_keep: those bytes, by each of the states that would explain what was seen, as
    `observed["damaged"]` shows what there is.
    """
    wanted = set.intersection(*map(set, must_keep))
    gone = wanted.difference(observed.get("damaged", ()))
    if gone:
        yield Violation(
            Kind.LOST,
            promises.DAMAGE,
            "",
            f"what was damaged is kept: {_listed(wanted)}",
            f"gone: {_listed(gone)}",
        )


def _listed(pieces: Iterable[str]) -> str:
    return ", ".join(piece if len(piece) < 80 else f"{piece[:70]}…" for piece in sorted(pieces))


def tidy(
    observed: Observation, after: str = "a crash, then every kind of write, then a reopening"
) -> Iterator[Violation]:
    """The violation if there are files in `observed["litter"]`, which no format knows.

    after: what was done.
    """
    litter = observed.get("litter", ())
    if litter:
        yield Violation(
            Kind.LITTER,
            promises.TIDY,
            "",
            "no temporary files after the store recovered, was written to and reopened",
            "left in the directory: " + ", ".join(litter),
            after,
        )
