"""Try: one prompt, answered side by side."""
