"""The window check: count what is not counted yet, then say what becomes of every row."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from studio.dataset.examples import Counts, ExampleIds
from studio.dataset.store import Example, Store
from studio.dataset.token_counts import Uncounted
from studio.errors import AskedWrongly
from studio.reports.window import WindowReport, window_report
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs, objective_of, pair_of
from studio.tokens.layout import Budget
from studio.tokens.stop_proof import encode_named
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import FATES, fates

OnCounted = Callable[[int, int], None]
SLICE_ROWS = 250  # some 25 ms of both cores of a small machine
NICENESS = 10


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
    *,
    max_target_length: int = 0,
    gives_way: bool = False,
) -> WindowReport:
    """Fates, lengths and the cost of examples in the prompt, over the whole store.

    shots: how many examples in the prompt to reckon with, each a number of 0 or more. progress(done, total) is told
    after every batch, in rows. Only rows changed since the last check are tokenized. Cancelling keeps what was counted
    so far and reports on that. For gives_way see ``count_tokens``. Raises AskedWrongly for a max_length beyond the
    context window, StudioError where the model's template or tokenizer cannot be used.
    """
    budget = budget_of(model, max_length, max_target_length)
    count_tokens(store, model, progress, is_cancelled, gives_way=gives_way)
    ids, prompt_tokens, completion_tokens = store.counts(model.fingerprint)
    shot_tokens = store.shot_tokens(model.fingerprint)
    return window_report(ids, prompt_tokens, completion_tokens, budget, model.window, shot_tokens, list(shots))


def token_counts(store: Store, model: ModelFolder, objective: Objective) -> tuple[ExampleIds, Counts, Counts]:
    """(ids, tokens seen, tokens learned) of every row, by id; what has no current count is tokenized first."""
    count_tokens(store, model, objective=objective)
    ids, seen, learned = store.counts(_counted_as(model, objective))
    if objective is Objective.SEQUENCE:  # the same tokens as completion's
        return ids, np.ones_like(seen), seen + learned - 1
    return ids, seen, learned


def _counted_as(model: ModelFolder, objective: Objective) -> str:
    return f"{model.fingerprint}-text" if objective is Objective.TEXT else model.fingerprint


def count_tokens(
    store: Store,
    model: ModelFolder,
    progress: OnCounted | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    gives_way: bool = False,
    objective: Objective = Objective.COMPLETION,
) -> int:
    """Tokenize the rows without a current count; how many there were. Raises StudioError where the prefix fails.

    is_cancelled() is asked every few hundred rows; what was counted before it says yes is kept. With gives_way whatever
    else wants the processor comes first, as a key: the tokenizer takes every core there is (on Linux, where a thread
    can have a priority of its own).
    """
    done = 0
    key = _counted_as(model, objective)
    total = store.uncounted_total(key)
    # Only tokenizing gives way: a thread that writes must not be kept waiting, for a label waits for its end.
    with ThreadPoolExecutor(1, "tokenizing", _give_way if gives_way else None) as tokenizing:
        for batch in store.uncounted(key):
            counted = tokenizing.submit(_counted, model, batch, objective, is_cancelled).result()
            if counted:
                rows = batch[: len(counted)]
                store.save_counts(key, [row[0] for row in rows], [row[1] for row in rows], *zip(*counted, strict=True))
                done += len(counted)
            if len(counted) < len(batch):
                break
            if progress:
                progress(done, total)
    return done


def _give_way() -> None:
    """Lower the priority of this thread and of those that it starts, the tokenizer's own among them."""
    if sys.platform == "linux":  # elsewhere it would be that of the whole process, for good
        with contextlib.suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, max(NICENESS, os.getpriority(os.PRIO_PROCESS, own)))


def _counted(
    model: ModelFolder, batch: Sequence[Uncounted], objective: Objective, is_cancelled: Callable[[], bool]
) -> list[tuple[int, int, int]]:
    """Tokens of prompt, of completion and as an example in a prompt, of the first rows up to where it is cancelled."""
    is_text = objective is Objective.TEXT
    counted: list[tuple[int, int, int]] = []
    for start in range(0, len(batch), SLICE_ROWS):
        if is_cancelled():
            break
        part = batch[start : start + SLICE_ROWS]
        pairs = [Pair(*texts) for _, _, *texts in part]
        encoded = encode_named(
            model, [row[0] for row in part], pairs, Objective.TEXT if is_text else Objective.COMPLETION
        )
        shot_tokens = [0] * len(pairs) if is_text else model.layout.shot_tokens(model, pairs, encoded)  # text: no turn
        counted += [
            (row.prompt_tokens, row.completion_tokens, shot) for row, shot in zip(encoded, shot_tokens, strict=True)
        ]
    return counted


@dataclass(frozen=True)
class Stretch:
    """Tokens that stand together, as texts, all of them learned or all only seen; how many ids they were."""

    is_learned: bool
    pieces: list[str]
    tokens: int


@dataclass(frozen=True)
class AsTrained:
    """One example token by token: what is seen, what is learned, and what the budget would do to it.

    ``stretches`` stand one behind the other, the last of them is the last answer. ``prompt_tokens`` counts what stands
    before that, ``completion_tokens`` that. ``max_target_length`` is None where prompt and completion are one sequence.
    """

    stretches: list[Stretch]
    prompt_tokens: int
    completion_tokens: int
    max_length: int
    fate: str
    learns: str
    max_target_length: int | None = None

    @property
    def limits(self) -> str:
        """``max_length 512``, with the target's where it has one."""
        target = self.max_target_length
        return f"max_length {self.max_length}" + ("" if target is None else f", max_target_length {target}")


def objective_named(name: str, learned_turns: str = "last") -> Objective:
    """Raises AskedWrongly where there is none of that name, or the two do not go together."""
    spec = TrainSpec(objective=name, learned_turns=learned_turns)
    return objective_of(spec.objective, spec.learned_turns)


def as_trained(
    model: ModelFolder, example: Example, budget: Budget, objective: Objective = Objective.COMPLETION
) -> AsTrained:
    """The tokens of ``example`` as training sees them. Tokens that are pieces of a character are shown together."""
    encoded = encode_pairs(model, [pair_of(example)], objective)[0]
    sizes = encoded.prompt_tokens, encoded.completion_tokens
    prompt_tokens, completion_tokens = (np.array([size], dtype=np.int32) for size in sizes)
    return AsTrained(
        stretches=_stretches(model, encoded),
        prompt_tokens=encoded.prompt_tokens,
        completion_tokens=encoded.completion_tokens,
        max_length=budget.max_length,
        fate=str(FATES[fates(prompt_tokens, completion_tokens, budget)[0]]),
        learns="learned_turns=all" if objective is Objective.TURNS else f"objective={objective}",
        max_target_length=budget.target,
    )


def _stretches(model: ModelFolder, encoded: Encoded) -> list[Stretch]:
    found, done = list[Stretch](), 0
    for begin, end in encoded.learned_spans:
        for is_learned, ids in ((False, encoded.ids[done:begin]), (True, encoded.ids[begin:end])):
            if ids:
                found.append(Stretch(is_learned, _pieces(model, ids), len(ids)))
        done = end
    return found


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
