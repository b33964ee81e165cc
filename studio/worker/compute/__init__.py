"""What both kinds of run compute with: loading, decoding, cores side by side, and what is fastest on this machine."""
