"""Compare: the arms, the verdict and every row's answers."""
