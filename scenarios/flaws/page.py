"""The known flaws as a page to be read: what goes wrong, how it comes about, what it breaks."""

from collections.abc import Sequence

from tornwrite.scenarios.flaws.flaw import Flaw

_HEAD = """# Known flaws

The stores in `reference/published/` are ported as they were published. This page tells what is
wrong with them, flaw by flaw. *Stated* means that the store's own text or history says so; the
others the gate found. `tornwrite gate --known-bad` runs all of it and shows that each is still
caught: by which kind of crash, on how many disk contents, and the smallest run that shows it. The
page is made by `tornwrite flaws`.
"""


def page(flaws: Sequence[Flaw]) -> str:
    """The page, in Markdown; a section for each store."""
    parts = [_HEAD]
    for subject in dict.fromkeys(flaw.subject for flaw in flaws):
        parts.append(f"## {subject.rpartition(':')[2]}\n\n`{subject}`\n")
        parts += [_section(flaw) for flaw in flaws if flaw.subject == subject]
    return "\n".join(parts)


def _section(flaw: Flaw) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(flaw.sequence, start=1))
    kinds = " or ".join(kind.value for kind in flaw.kinds)
    return (
        f"### {flaw.name}\n\n{'Stated.' if flaw.stated else 'Found by the gate.'} {flaw.what}\n\n"
        f"{steps}\n\n{flaw.breaks}\n\n"
        f"Shown as *{kinds}*: `tornwrite gate {flaw.subject} --scenario {flaw.scenario}`\n"
    )
