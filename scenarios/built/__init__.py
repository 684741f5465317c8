"""Subjects out of a few lines, and what is made for them: driver, values, scenarios."""
