"""How the rows of a family of models are laid out: what becomes of a pair, and how much of it there is room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from studio.tokens.pairs import Encoded, Objective, Pair
from studio.tokens.template import ChatTemplate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # One row's count, or the counts of n rows, of shape (n,).
    CountT = TypeVar("CountT", int, NDArray[np.int32])


@dataclass(frozen=True)
class Budget:
    """How many tokens a row may have: ``max_length`` for prompt and completion together; or, where ``target`` is
    given, ``max_length`` for the prompt and ``target`` for the completion, each a sequence of its own.
    """

    max_length: int
    target: int | None = None

    @property
    def is_shared(self) -> bool:
        """Whether what the prompt takes is taken from the completion."""
        return self.target is None

    @property
    def words(self) -> str:
        """As a person set it: ``max_length=512``."""
        words = f"max_length={self.max_length}"
        return words if self.target is None else f"{words}, max_target_length={self.target}"

    @property
    def most_tokens(self) -> int:
        """Tokens that no row may have more of, prompt and completion together."""
        return self.max_length + (self.target or 0)

    def prompt_excess(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Tokens that would have to go from the prompt for the row to fit; 0 or less where none."""
        taken = completion_tokens if self.target is None else 0
        return prompt_tokens + taken - self.max_length

    def completion_room(self, prompt_tokens: CountT) -> CountT:
        """Tokens that a completion may have behind a prompt of so many; 0 or less where none."""
        return self.max_length - prompt_tokens if self.target is None else self.target + 0 * prompt_tokens

    def fits(self, prompt_tokens: int, completion_tokens: int) -> bool:
        """Whether a row of so many tokens is within it, on both sides."""
        is_prompt_within = self.prompt_excess(prompt_tokens, completion_tokens) <= 0
        return is_prompt_within and completion_tokens <= self.completion_room(prompt_tokens)


@dataclass(frozen=True)
class ContextWindow:
    """What a model can attend to: ``tokens`` for prompt and answer together where ``is_shared``, else for each.

    Where it is not ``is_hard``, ``tokens`` is only the length that the model was trained at.
    """

    tokens: int
    is_shared: bool = True
    is_hard: bool = True

    @property
    def most(self) -> int | None:
        """The most tokens that a sequence may have; None where there is no such number."""
        return self.tokens if self.is_hard else None

    @property
    def words(self) -> str:
        """What it is, after ``in`` or ``of``: ``the context window of 8,192 tokens``."""
        count = f"{self.tokens:,} token{'s' if self.tokens != 1 else ''}"
        if not self.is_hard:
            return f"the {count} a side that the model was trained at (no hard limit: its positions are relative)"
        return f"the context window of {count}{'' if self.is_shared else ' a side'}"

    def holds(self, prompt_tokens: int, answer_tokens: int) -> bool:
        """Whether the model can answer a prompt of so many tokens with so many."""
        longest = prompt_tokens + answer_tokens if self.is_shared else max(prompt_tokens, answer_tokens)
        return self.most is None or longest <= self.most


class Model(Protocol):
    """What a layout needs of a ``tokenizer.ModelFolder``, where each of these is explained."""

    @property
    def path(self) -> Path: ...

    @property
    def config(self) -> Mapping[str, Any]: ...

    @property
    def architecture(self) -> str: ...

    @property
    def context_window(self) -> int: ...

    @property
    def template(self) -> ChatTemplate: ...

    @property
    def end_of_turn(self) -> str: ...

    @property
    def end_of_turn_id(self) -> int: ...

    @property
    def leading_ids(self) -> list[int]: ...

    @property
    def leading_text(self) -> str: ...

    @property
    def trailing_ids(self) -> list[int]: ...

    @property
    def trailing_text(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]: ...


class Layout(Protocol):
    """One way of laying out rows. ``stand_in_template`` renders for models without a chat template of their own.

    ``mark`` is part of the key by which token counts are kept; empty for the layout that the first versions had.
    ``objectives`` are what rows can be learned for; ``takes_virtual_tokens`` says whether prompt tuning's may stand
    before a row.
    """

    mark: str
    stand_in_template: str
    objectives: tuple[Objective, ...]
    takes_virtual_tokens: bool

    def encode_prompts(self, folder: Model, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of rendered prompts, as the model is asked. Raises StudioError where the tokenizer fails."""

    def encode_pairs(self, folder: Model, pairs: Sequence[Pair], objective: Objective) -> list[Encoded]:
        """Rows for training, as long as they are. Raises StudioError naming the first that cannot be trained.

        ``objective`` is one of ``objectives``.
        """

    def sequences(self, row: Encoded) -> list[list[int]]:
        """What of a row the tokenizer begins, each for itself."""

    def shot_tokens(self, folder: Model, pairs: Sequence[Pair], encoded: Sequence[Encoded]) -> list[int]:
        """What each pair costs as an example in another row's prompt, in tokens; ``encoded`` are the same pairs."""

    def budget(self, max_length: int, max_target_length: int = 0) -> Budget:
        """The budget that these settings mean. Raises AskedWrongly where they do not go with this layout."""

    def window(self, folder: Model) -> ContextWindow:
        """What the model can attend to. Raises StudioError where its config.json does not say."""
