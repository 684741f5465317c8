"""The scenarios of the JSONL backend and of how a program starts."""
