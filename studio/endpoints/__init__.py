"""Servers that answer: what ``studio.toml`` says of one, and asking it. No torch, no screen."""
