"""The verbs. Data goes to stdout, words to stderr; exit 0 done, 1 failed, 2 asked wrongly."""

ASKED_BY = "_STUDIO_COMPLETE"  # the environment variable in which a shell that completes a line says which one it is
