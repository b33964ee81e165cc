"""The window check: count what is not counted yet, then say what becomes of every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.dataset.store import Example, Store
from studio.errors import AskedWrongly
from studio.reports.window import WindowReport, window_report
from studio.tokens.encoding import Pair, encode_pairs
from studio.tokens.layout import Budget
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import FATES, fates

OnCounted = Callable[[int, int], None]


def budget_of(model: ModelFolder, max_length: int, max_target_length: int = 0) -> Budget:
    """What a row of this model may have. Raises AskedWrongly for a length that no row of it can have."""
    budget, most = model.layout.budget(max_length, max_target_length), model.window.most
    for name, length in (("max_length", budget.max_length), ("max_target_length", budget.target)):
        if length is None:
            continue
        if length < 1:
            raise AskedWrongly(f"{name}={length} leaves no token.", "It is a number of tokens, 1 or more.")
        if most is not None and length > most:
            option = f"--{name.replace('_', '-')}"
            raise AskedWrongly(
                f"{name}={length} is more than the model's context window of {most} tokens.",
                f"At most {most}: {option}, --set {name}=N, or max_length in studio.toml.",
            )
    return budget


def check_window(
    store: Store,
    model: ModelFolder,
    max_length: int,
    shots: Sequence[int] = (0, 1, 5),
    progress: OnCounted | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    max_target_length: int = 0,
) -> WindowReport:
    """Fates, lengths and the cost of examples in the prompt, over the whole store.

    shots: how many examples in the prompt to reckon with, each a number of 0 or more. progress(done, total) is told
    after every batch, in rows. Only rows changed since the last check are tokenized. Cancelling keeps what was counted
    so far and reports on that. Raises AskedWrongly for a max_length beyond the context window, StudioError where the
    model's template or tokenizer cannot be used.
    """
    budget = budget_of(model, max_length, max_target_length)
    count_tokens(store, model, progress, is_cancelled)
    ids, prompt_tokens, completion_tokens = store.counts(model.fingerprint)
    shot_tokens = store.shot_tokens(model.fingerprint)
    return window_report(ids, prompt_tokens, completion_tokens, budget, model.window, shot_tokens, list(shots))


def count_tokens(
    store: Store,
    model: ModelFolder,
    progress: OnCounted | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Tokenize the rows without a current count; how many there were. Raises StudioError where the prefix fails."""
    done = 0
    total = store.uncounted_total(model.fingerprint)
    for batch in store.uncounted(model.fingerprint):
        if is_cancelled():
            break
        pairs = [Pair(prompt, completion, system) for _, _, prompt, completion, system in batch]
        encoded = encode_pairs(model, pairs)
        store.save_counts(
            model.fingerprint,
            [row[0] for row in batch],
            [row[1] for row in batch],
            [row.prompt_tokens for row in encoded],
            [row.completion_tokens for row in encoded],
            model.layout.shot_tokens(model, pairs, encoded),
        )
        done += len(batch)
        if progress:
            progress(done, total)
    return done


@dataclass(frozen=True)
class AsTrained:
    """One example token by token: what is seen, what is learned, and what the budget would do to it.

    ``max_target_length`` is None where prompt and completion are one sequence.
    """

    seen: list[str]
    learned: list[str]
    prompt_tokens: int
    completion_tokens: int
    max_length: int
    fate: str
    max_target_length: int | None = None

    @property
    def limits(self) -> str:
        """``max_length 512``, with the target's where it has one."""
        target = self.max_target_length
        return f"max_length {self.max_length}" + ("" if target is None else f", max_target_length {target}")


def as_trained(model: ModelFolder, example: Example, budget: Budget) -> AsTrained:
    """The tokens of ``example`` as training sees them. Tokens that are pieces of a character are shown together."""
    encoded = encode_pairs(model, [Pair(example.prompt, example.completion, example.system)])[0]
    prompt, completion = encoded.prompt_ids, encoded.completion_ids
    counts = np.array([len(prompt)], dtype=np.int32), np.array([len(completion)], dtype=np.int32)
    return AsTrained(
        seen=_pieces(model, prompt),
        learned=_pieces(model, completion),
        prompt_tokens=len(prompt),
        completion_tokens=len(completion),
        max_length=budget.max_length,
        fate=str(FATES[fates(*counts, budget)[0]]),
        max_target_length=budget.target,
    )


def _pieces(model: ModelFolder, ids: list[int]) -> list[str]:
    """Texts of tokens; a character split over several tokens comes whole with the last of them."""
    pieces, held = [], []
    for token_id in ids:
        held.append(token_id)
        text = model.decode(held)
        if not text.endswith("\N{REPLACEMENT CHARACTER}"):
            pieces.append(text)
            held = []
    return pieces + ([model.decode(held)] if held else [])
