"""Where a run's process lives: starting it, asking after it, ending it, reading its log."""
