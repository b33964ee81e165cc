"""What the screens and the verbs show, as plain data: no terminal, no files, no store."""
