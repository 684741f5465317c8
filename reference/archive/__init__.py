"""The archiving store: sessions that can be put aside and taken up again."""
