"""Notes in Node, through their driver.

tornwrite gate notes_in_node.py:synced
"""

from pathlib import Path

from hypothesis import strategies as st

from tornwrite import KeyValue, program_subject

NOTES = str(Path(__file__).parent / "notes.js")
KEYS = st.sampled_from(["a", "b", "c", "d"])
OPERATIONS = {
    "put": {"key": KEYS, "value": st.text("abc", max_size=9)},
    "delete": {"key": KEYS},
}

synced = program_subject(["node", NOTES], KeyValue(), OPERATIONS, about="notes in Node")
unsynced = program_subject(
    ["node", NOTES, "unsynced"], KeyValue(), OPERATIONS, about="the same, unsynced"
)
