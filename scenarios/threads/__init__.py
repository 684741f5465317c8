"""Scenarios of several threads and processes."""
