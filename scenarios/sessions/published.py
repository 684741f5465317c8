"""The scenarios for the published edition: it wrote a line that it cannot read, without a crash.

Apart from the others, for it takes tens of megabytes to say so.
"""

from tornwrite.scenarios.sessions import ALL as FOR_BOTH
from tornwrite.scenarios.sessions.limits import long_line

LINE_OF_11_MB = long_line("line-of-11-mb", 11_000_000)

ALL = (*FOR_BOTH, LINE_OF_11_MB)
