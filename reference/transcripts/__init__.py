"""The transcript store: a header line and one message a line for each conversation."""
