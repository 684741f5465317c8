"""Faults sown into the stores' source that no run can show, and why.

A name is that of `tornwrite.scenarios.sowing.Sown`; what is here and caught all the same, or not
sown any more, is told by a test.
"""

WHY: dict[str, str] = {}
