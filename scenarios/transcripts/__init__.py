"""The scenarios of the transcript store."""
