"""One function for each thing a person can do; the verbs and the screens call the same ones."""
