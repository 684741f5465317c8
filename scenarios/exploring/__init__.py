"""Every sequence of operations up to a length, each at every crash."""
