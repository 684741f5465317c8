"""How it is shown: the terminal, JSON. Sees only result data."""
