"""Reasons why nothing catches a sown fault, as data, and those that several packages share."""

from typing import TypeAlias

Reasons: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""A reason, and the faults that it is one for, by name without `tornwrite.reference.`.

Of a name that ends in `*` the rest is left out. Each stands for one fault and no other.
"""

ONLY_COMPUTE = "both only compute, and neither uses what the other comes to"
ONLY_MEMORY = (
    "both change only what the process remembers, under the same lock, and neither can fail"
)
ONLY_LOGS = "one of them only logs"
SUPPRESSED = "its error is suppressed already, for the one that is raised"
KILLED = "for what a killed process left: in a run there is a kill or an error, not both"
