"""Trying prompts: a process that holds the models and streams what they answer."""
