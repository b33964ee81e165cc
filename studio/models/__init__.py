"""Base models: which there are, fetching them, finding the one that is meant, and refusing what could run code."""
