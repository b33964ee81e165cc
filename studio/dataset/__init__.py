"""The dataset: files into candidates, and the store that a labeller's work lives in. The only room that knows SQL."""
