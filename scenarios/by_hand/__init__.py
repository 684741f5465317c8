"""Recordings made by hand: no subject and no model, only lines that use a store."""
