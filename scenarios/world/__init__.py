"""The worlds of a Hypothesis machine: a subject, its disk, and the crashes that become real."""

from tornwrite.scenarios.world.worlds import Step, Worlds, is_refusal, replay

__all__ = ["Step", "Worlds", "is_refusal", "replay"]
