"""How a model is tuned: which of its parameters learn, and what a run leaves behind."""
