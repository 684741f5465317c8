"""One interface to session stores, the JSONL backend behind it, and how a program starts."""
