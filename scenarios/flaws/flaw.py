"""One documented flaw of a store, and how to see that the harness still catches it."""

from dataclasses import dataclass

from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a published store, and the run that has to show it.

    name: short, unique. subject, scenario: what to run. kinds: any of these findings shows it.
    stated: the store's own text or history says so; otherwise the gate found it. what: what goes
    wrong. sequence: the exact sequence, step by step. breaks: which promise of the store's own text
    that breaks, or what the text says of it. words: all of these have to be in the finding, so that
    it is this flaw and no other. about: what the finding is about, where it matters. profile: the
    strongest that shows it, where it matters. without: a subject without the flaw, which must not
    show it.
    """

    name: str
    subject: str
    scenario: str
    kinds: tuple[Kind, ...]
    stated: bool
    what: str
    sequence: tuple[str, ...]
    breaks: str
    words: tuple[str, ...] = ()
    about: str = ""
    profile: str = ""
    without: str = ""

    def shown_by(self, found: Finding) -> bool:
        """Whether the finding is one of this flaw."""
        wrong = found.violation
        if wrong.kind not in self.kinds:
            return False
        if self.about not in ("", wrong.about) or self.profile not in ("", found.profile):
            return False
        told = told_by(found)
        return all(word in told for word in self.words)


def told_by(found: Finding) -> str:
    """All that a finding says, for words to be looked for in it."""
    wrong = found.violation
    parts = [wrong.promise.name, wrong.about, wrong.promised, wrong.recovered, wrong.after]
    parts += [*found.acknowledged, *found.in_flight, *found.profiles]
    for line in found.steps:
        if line.number == found.protect:
            parts += [line.text, *line.sites]
    parts += [f"{path} {content}" for path, content in found.files]
    return "\n".join(parts)
