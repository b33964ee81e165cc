"""Text to tokens through the one renderer that the window check, training and comparing share."""
