"""Checks: what in the rows will hurt a run, and what can be done about it."""
