"""The example under the cursor, in full: its text at once, its tokens where they take long a little later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from studio.tui.screens.data.example_pane import ShownTokens

if TYPE_CHECKING:
    from studio.dataset.store import Example
    from studio.tokens.layout import Budget
    from studio.tokens.tokenizer import ModelFolder
    from studio.tui.screens.data.desk import Desk

TOKENS_AFTER_SECONDS = 0.12
COUNTED_AT_ONCE_CHARS = 20_000  # tokenized in about 5 ms


class ShownExample:
    """``example`` is what the pane shows, None for nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.example: Example | None = None
        self._found = ""
        self._is_tokenizer_loaded = False

    def show(self, example: Example | None, found: str = "") -> None:
        """``found`` is what was searched for; the pane marks it."""
        self.example, self._found = example, found
        folder = self._desk.session.model_folder
        if example is None or folder is None:
            self._desk.pane.show(example, None, found)
            return
        budget = self._desk.session.budget(folder)
        if (
            self._is_tokenizer_loaded
            and len(example.context) + len(example.prompt) + len(example.completion) < COUNTED_AT_ONCE_CHARS
        ):
            self._desk.pane.show(example, _tokens_of(folder, example, budget), found)
        else:
            self._desk.pane.show(example, None, found)
            count = partial(_tokens_of, folder, example, budget)
            self._desk.after("tokens", TOKENS_AFTER_SECONDS, lambda: self._count(example, count))

    def _count(self, example: Example, count: Callable[[], ShownTokens]) -> None:
        if example is self.example:
            self._desk.ask("tokens", count, partial(self._show_tokens, example))

    def _show_tokens(self, example: Example, tokens: ShownTokens) -> None:
        self._is_tokenizer_loaded = True
        if example is self.example:
            self._desk.pane.show(example, tokens, self._found)


def _tokens_of(folder: ModelFolder, example: Example, budget: Budget) -> ShownTokens:
    import numpy as np

    from studio.tokens.encoding import encode_pairs, pair_of
    from studio.tokens.window import FATES, fates

    encoded = encode_pairs(folder, [pair_of(example)])[0]
    prompt_tokens, completion_tokens = np.array([[encoded.prompt_tokens], [encoded.completion_tokens]], dtype=np.int32)
    fate = FATES[fates(prompt_tokens, completion_tokens, budget)[0]]
    return ShownTokens(encoded.prompt_tokens, encoded.completion_tokens, str(fate))
