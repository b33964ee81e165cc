"""What encoding takes and gives: a pair of texts, and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Objective(StrEnum):
    """What of a row is learned. What a tuned model is asked goes through the chat template whatever this is."""

    COMPLETION = "completion"
    SEQUENCE = "sequence"
    TEXT = "text"


@dataclass(frozen=True)
class Pair:
    """What encoding needs of an example; ``system`` is empty for none."""

    prompt: str
    completion: str
    system: str = ""


@dataclass(frozen=True)
class Encoded:
    """One training row: ``ids[:prompt_tokens]`` is seen, ``ids[prompt_tokens:]`` is learned.

    Decoder-only models take ``ids`` as one sequence, encoder-decoder models the two parts as two. Where not only
    completions are learned, one token is seen, the first: nothing stands before it that could tell it.
    """

    ids: list[int]
    prompt_tokens: int

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return len(self.ids)

    @property
    def completion_tokens(self) -> int:
        """Tokens learned, the end-of-turn token included."""
        return len(self.ids) - self.prompt_tokens

    @property
    def prompt_ids(self) -> list[int]:
        return self.ids[: self.prompt_tokens]

    @property
    def completion_ids(self) -> list[int]:
        return self.ids[self.prompt_tokens :]

    def behind(self, leading: list[int]) -> Encoded:
        """The row with these ids before it, which are seen and not learned."""
        return Encoded([*leading, *self.ids], len(leading) + self.prompt_tokens)

    @property
    def completion_mask(self) -> list[bool]:
        """One value per id, true where the token is learned."""
        return [index >= self.prompt_tokens for index in range(len(self.ids))]
