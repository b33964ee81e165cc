"""Rows that the dataset tests share."""

from studio.dataset.formats.reading import Candidate

SIX = [
    Candidate("Where is my parcel?", '{"intent": "track"}', "tickets", source="six.jsonl", line=1),
    Candidate("My lamp is broken", '{"intent": "repair"}', "tickets", source="six.jsonl", line=2),
    Candidate("Tôi muốn đổi hàng", '{"intent": "exchange"}', "tickets", source="six.jsonl", line=3),
    Candidate("Thanks a lot!", "glad", "tone", "Answer in one word.", source="six.jsonl", line=4),
    Candidate("This is a disgrace", "angry", "tone", "Answer in one word.", source="six.jsonl", line=5),
    Candidate("灯坏了", "neutral", "tone", source="six.jsonl", line=6),
]
