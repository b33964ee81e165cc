"""Rows whose prompts are nearly the same: found by MinHash, proved by exact Jaccard, kept as clusters."""
