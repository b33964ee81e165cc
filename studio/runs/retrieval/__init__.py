"""Finding what is like a question: words, an index over texts, documents in passages, rows that are nearly the same."""
