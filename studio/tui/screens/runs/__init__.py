"""Runs: the list of runs and the charts of one."""
