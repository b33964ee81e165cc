"""The run processes: the only room that imports torch. Talks to the studio through the run directory alone."""
