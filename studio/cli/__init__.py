"""The verbs. Data goes to stdout, words to stderr; exit 0 done, 1 failed, 2 asked wrongly."""
