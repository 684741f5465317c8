"""The scenarios of the session manager."""
