"""One module per screen; screens are the only callers of the core."""
