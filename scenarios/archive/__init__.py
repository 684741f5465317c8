"""The scenarios of the archiving store."""
