"""Runs: their specs, the run directory, starting and watching them. Imports neither torch nor textual."""
