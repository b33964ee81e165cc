"""What opens over a screen: forms, the reader, questions, help."""
