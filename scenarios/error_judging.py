"""Holds a run with an error in it against what was promised.

- What failed has changed nothing that a reader sees, unless its error says that it has; what is
  not atomic may have been done in part. What was acknowledged is there.
- An error tells its caller what went wrong, and where. What is read is told as it is, or not.
- When the cause is gone the store that is open works again.
- A process that is killed leaves exactly what it showed.
- The power may fail after the error: what was acknowledged is there, what failed is there or not
  (`tornwrite.scenarios.permitted.Failures`), and what it left in the page cache after a failed sync
  may be gone without any later sync having said so.

A subject that reads everything when it is opened may open although it could not read all
(`Refuses`). What it refuses from then on it may go on refusing, clearly, as long as it is open. All
else is judged as ever, and so is what a new process finds: nothing may take the place of it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from tornwrite.faults.images import Image
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.states import Coverage, CrashState, CrashStates
from tornwrite.faults.trace import Acknowledged, Began
from tornwrite.model import promises
from tornwrite.model.judge import LooksBeside, Model, Permitted, identity_of, judge
from tornwrite.model.operation import Observation, canonical
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.error_answers import epochs_of_answers, wrong_answers
from tornwrite.scenarios.error_runs import ErrorRun, Look, Told
from tornwrite.scenarios.findings import Collected
from tornwrite.scenarios.judging import Assessor
from tornwrite.scenarios.permitted import Failures, permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import OPEN, REOPEN
from tornwrite.scenarios.subject import Scenario, Subject


@runtime_checkable
class Refuses(Protocol):
    """A model may have this too: of stores that open although they cannot read all there is."""

    def refused(self, observed: Observation) -> frozenset[str]:
        """What the subject shows an error for, by name."""
        ...

    def with_refused(self, observed: Observation, view: Observation) -> Observation:
        """What was observed, with what is refused as it is in the view."""
        ...


class RunJudge:
    """The judge of one run. assessor: recovers images."""

    def __init__(
        self, subject: Subject, scenario: Scenario, run: ErrorRun, assessor: Assessor
    ) -> None:
        self._subject = subject
        self._model: Model[Any] = subject.model
        self._scenario = scenario
        self._run = run
        self._assessor = assessor
        self._refused: dict[int, frozenset[str]] = {}
        """What the subject refuses since an opening, by the opening's number."""
        self._failures = Failures(self._not_undone(), came_up=self._came_up())

    def _not_undone(self) -> dict[int, bool]:
        """The operations that said that they could not be undone, and whether that shows."""
        looks = {look.number: look for look in self._run.looks}
        found: dict[int, bool] = {}
        for told in self._run.told:
            if not told.not_undone:
                continue
            look = looks.get(told.number)
            observed = None if look is None or look.seen is None else look.seen.observed
            seen = False
            if look is not None and observed is not None:
                undone = self._permitted(look.epoch, Failures(dict(found)))
                seen = not undone.permits(canonical(self._model.normalised(observed)))
            found[told.number] = seen
        return found

    def _permitted(self, epoch: int, failures: Failures) -> Permitted[Any]:
        wanted = frozenset((epoch,))
        return permitted_by_epoch(self._subject, self._scenario, self._run.trace, wanted, failures)[
            epoch
        ]

    def without_power_loss(self, collected: Collected) -> int:
        """Judge what was told and shown, and what a kill leaves. Returns the images judged."""
        for told in self._run.told:
            for violation in self._told(told):
                collected.add_without_crash(violation, self._state_at(told.number))
        end = self._run.looks[-1] if self._run.looks else None
        for path in self._run.leaked:
            wrong = Violation(
                Kind.LITTER,
                promises.ERRORS,
                path,
                "a store that was closed has no file open",
                f"{path} is still open",
            )
            point = len(self._run.trace.steps)
            collected.add_without_crash(wrong, CrashState(end.epoch if end else 0, point, ()))
        answered = epochs_of_answers(self._model, self._run.trace)
        wanted = frozenset((*(look.epoch for look in self._run.looks), *answered.values()))
        permitted = permitted_by_epoch(
            self._subject, self._scenario, self._run.trace, wanted, self._failures
        )
        for number, wrong in wrong_answers(
            self._model, self._run.trace, permitted, of_one_file=self._run.of_one_file
        ):
            collected.add_without_crash(wrong, self._state_at(number))
        for look in self._run.looks:
            self._look(look, permitted[look.epoch], collected)
        return len({look.image for look in self._run.looks})

    def power_losses(
        self, collected: Collected, wanted: frozenset[int], budget: int, seed: int
    ) -> tuple[set[Any], Coverage]:
        """Judge what a power loss can leave in these epochs: the images, and how far it went."""
        permitted = self._after_power_loss(wanted)
        states = CrashStates(self._run.trace, POSIX, budget=budget, seed=seed, epochs_wanted=wanted)
        images = set()
        for state in states:
            images.add(state.image)
            self._at(collected, state, permitted)
        return images, states.coverage

    def at_state(self, collected: Collected, state: CrashState) -> None:
        """Judge what a power loss left in that state."""
        self._at(collected, state, self._after_power_loss(frozenset((state.epoch,))))

    def _after_power_loss(self, wanted: frozenset[int]) -> dict[int, Permitted[Any]]:
        failures = replace(self._failures, power=True)
        return permitted_by_epoch(self._subject, self._scenario, self._run.trace, wanted, failures)

    def _at(
        self, collected: Collected, state: CrashState, permitted: dict[int, Permitted[Any]]
    ) -> None:
        for violation in self._judged(under(permitted[state.epoch], POSIX), state.image):
            collected.add(violation, POSIX, state)

    def _look(self, look: Look, permitted: Permitted[Any], collected: Collected) -> None:
        shown = permitted
        if look.seen is not None and look.number not in self._refused:
            wrong = list(self._live(permitted, look))
            for violation in wrong:
                collected.add_without_crash(
                    violation, CrashState(look.epoch, look.point, look.image)
                )
            if wrong or look.seen.observed is None:
                return
            shown = self._narrowed(permitted, canonical(self._model.normalised(look.seen.observed)))
        for violation in self._judged(under(shown, KILL), look.image):
            collected.add(violation, KILL, CrashState(look.epoch, look.point, look.image))

    def _judged(self, promised: Permitted[Any], image: Image) -> tuple[Violation, ...]:
        """What is wrong with an image; a program that is kept may mislead, a new one does not."""
        wrong = judge(self._model, promised, self._assessor(image))
        if wrong:
            wrong = judge(self._model, promised, self._assessor.confirmed(image))
        return wrong

    def _live(self, permitted: Permitted[Any], look: Look) -> Iterator[Violation]:
        assert look.seen is not None
        observed = look.seen.observed
        model = self._model
        if observed is None:
            yield model.explain({"error": look.seen.error}, permitted.states, permitted.past, ())
        elif not permitted.permits(canonical(model.normalised(observed))):
            yield model.explain(observed, permitted.states, permitted.past, ())
        elif isinstance(model, LooksBeside):
            yield from model.beside(permitted.states, observed)

    def _narrowed(self, permitted: Permitted[Any], view: bytes) -> Permitted[Any]:
        """Only what was shown: a new process sees that and nothing else that was permitted.

        Unless the store keeps to itself what it has acknowledged.
        """
        if permitted.killed is not None:
            return permitted.killed
        states = tuple(
            state for state in permitted.states if canonical(self._model.view(state)) == view
        )
        return Permitted(states or permitted.states, permitted.past, frozenset((view,)))

    def _told(self, told: Told) -> Iterator[Violation]:
        about = next(iter(self._model.names([told.operation])), "the store")
        if told.silent:
            wanted = f"{told.operation} is answered, or the program ends"
            yield Violation(Kind.STUCK, promises.ERRORS, about, wanted, told.text)
        elif not told.hit and not told.in_force and not self._is_refused(told):
            if not told.as_new:
                wanted = f"{told.operation} works, without a restart: the error is gone"
                yield Violation(Kind.STUCK, promises.ERRORS, about, wanted, told.text)
        elif not told.clear:
            wanted = f"{told.operation} fails with an error of the system or of the store's own"
            yield Violation(Kind.UNCLEAR, promises.ERRORS, about, wanted, told.text)
        elif not told.named:
            wanted = "the error says what went wrong, or with which file"
            yield Violation(Kind.UNCLEAR, promises.ERRORS, about, wanted, told.text)

    def _is_refused(self, told: Told) -> bool:
        opening = max((one for one in self._opened() if one < told.number), default=-1)
        refused = self._refused.get(opening, frozenset())
        return bool(refused.intersection(self._model.names([told.operation])))

    def _state_at(self, number: int) -> CrashState:
        look = next((look for look in self._run.looks if look.number == number), None)
        if look is None:
            return CrashState(0, len(self._run.trace.steps), ())
        return CrashState(look.epoch, look.point, look.image)

    def _came_up(self) -> dict[int, Any]:
        """How the subject came up where that was not as it would have without the error.

        A reader need not see it, and the model cannot know: it may have fallen back to another way
        of working.
        """
        opened = self._opened()
        identity = identity_of(self._model)
        found: dict[int, Any] = {}
        for look in self._run.looks:
            if look.number not in opened or look.seen is None or look.seen.observed is None:
                continue
            usual = self._permitted(look.epoch, Failures(came_up=dict(found)))
            observed = look.seen.observed
            refused = self._may_refuse(look, observed)
            came_up, same = self._meant(observed, usual, refused)
            if refused and same:
                self._refused[look.number] = refused
            if same and all(identity(state) != identity(came_up) for state in same):
                found[look.number] = came_up
        return found

    def _may_refuse(self, look: Look, observed: Observation) -> frozenset[str]:
        """What an opening in which an error came up refuses."""
        if look.number not in self._run.hit or not isinstance(self._model, Refuses):
            return frozenset()
        return self._model.refused(observed)

    def _meant(
        self, observed: Observation, usual: Permitted[Any], refused: frozenset[str]
    ) -> tuple[Any, list[Any]]:
        """The state that a look means, with what it refuses as it should be; which it may be."""
        model = self._model
        for state in usual.states:
            view = model.view(state)
            whole = observed
            if refused and isinstance(model, Refuses):
                whole = model.with_refused(observed, view)
            if canonical(model.normalised(whole)) == canonical(view):
                shown = canonical(view)
                same = [one for one in usual.states if canonical(model.view(one)) == shown]
                return model.state_of(whole), same
        return model.state_of(observed), []

    def _opened(self) -> set[int]:
        """The numbers of the openings that succeeded."""
        opened = {
            event.number
            for event in self._run.trace.events
            if isinstance(event, Began) and event.name in (OPEN.name, REOPEN)
        }
        return opened & {e.number for e in self._run.trace.events if isinstance(e, Acknowledged)}
