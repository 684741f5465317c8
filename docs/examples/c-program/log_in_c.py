"""A log in C, through its driver: `cc -o log log.c` first.

tornwrite gate log_in_c.py:synced
"""

from pathlib import Path

from hypothesis import strategies as st

from tornwrite import AppendLog, program_subject

LOG = str(Path(__file__).parent / "log")
OPERATIONS = {"append": {"item": st.text("abc é", min_size=1, max_size=9)}}

synced = program_subject([LOG], AppendLog(), OPERATIONS, about="a log in C")
unsynced = program_subject([LOG, "unsynced"], AppendLog(), OPERATIONS, about="the same, unsynced")
