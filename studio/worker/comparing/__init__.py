"""One comparison: every arm answers the same held-out rows."""
