"""The faults sown into the reference stores that nothing catches, and why each of them.

Their names are those of `tornwrite.scenarios.sowing.Sown`. Most change nothing that anybody could
see. Where it is only that no run does what would show it, the reason names the test that does.
"""

from tornwrite.scenarios.sown_explanations import (
    archive,
    durable,
    interface,
    jsonl,
    manager,
    transcripts,
)
from tornwrite.scenarios.sown_explanations.reasons import Reasons

SOWN: Reasons = (
    *jsonl.EXPLAINED,
    *durable.EXPLAINED,
    *manager.EXPLAINED,
    *interface.EXPLAINED,
    *archive.EXPLAINED,
    *transcripts.EXPLAINED,
)
"""Why nothing catches these, of all stores."""
