"""Window: what becomes of every row at a max_length."""
