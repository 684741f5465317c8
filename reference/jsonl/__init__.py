"""The JSONL session store: an append-only data file and a small metadata file for each session."""
