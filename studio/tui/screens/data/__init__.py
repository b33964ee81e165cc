"""Data: the rows, the whole example under the cursor, and what is decided about it."""
