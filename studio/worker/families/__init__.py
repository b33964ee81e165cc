"""The kinds of model there are: how rows become tensors, what the loss is, how an answer is made."""
