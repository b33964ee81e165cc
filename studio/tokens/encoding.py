"""Pairs to token ids, as the model's family lays out its rows: see ``layout`` and ``families``."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import AskedWrongly
from studio.tokens.pairs import Encoded, Objective, Pair, pair_of
from studio.tokens.rendering import Message
from studio.tokens.template import messages_of
from studio.tokens.tokenizer import ModelFolder

__all__ = [
    "Encoded",
    "Objective",
    "Pair",
    "check_objective",
    "encode_pairs",
    "encode_prompts",
    "objective_of",
    "pair_of",
    "prompt_text",
    "prompt_texts",
]


def prompt_text(
    folder: ModelFolder, prompt: str, system: str = "", shots: Sequence[Pair] = (), context: str = ""
) -> str:
    """The prompt as the model is asked at inference, ending where its answer begins.

    ``shots`` and ``context`` as for ``messages_of``. Raises StudioError when the template fails.
    """
    return prompt_texts(folder, [messages_of(prompt, system, shots, context)])[0]


def prompt_texts(folder: ModelFolder, conversations: Sequence[Sequence[Message]]) -> list[str]:
    """As ``prompt_text``, for many conversations (see ``messages_of``) at once."""
    return folder.template.render_all(conversations, add_generation_prompt=True)


def encode_prompts(folder: ModelFolder, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of rendered prompts, each with what the tokenizer puts before a text by itself, exactly once."""
    return folder.layout.encode_prompts(folder, texts)


def objective_of(objective: str, learned_turns: str) -> Objective:
    """What the two settings of a run mean together, as ``runs.specs`` names their values."""
    return Objective.TURNS if learned_turns == "all" else Objective(objective)


def check_objective(folder: ModelFolder, objective: Objective) -> None:
    """Raises AskedWrongly for an objective that the model's rows cannot have."""
    if objective not in folder.layout.objectives:
        asked = "learned_turns=all" if objective is Objective.TURNS else f"objective={objective}"
        raise AskedWrongly(
            f"{asked}: an encoder-decoder model only learns what its decoder says, the completion.",
            "Set learned_turns=last." if objective is Objective.TURNS else "Set objective=completion.",
        )


def encode_pairs(
    folder: ModelFolder, pairs: Sequence[Pair], objective: Objective = Objective.COMPLETION
) -> list[Encoded]:
    """Encode rows for training. Raises StudioError naming the first that could not be trained rightly.

    Rows in the order of ``pairs``, as long as they are: what is over a budget is decided in ``tokens.window``. Raises
    as ``check_objective``.
    """
    check_objective(folder, objective)
    return folder.layout.encode_pairs(folder, pairs, objective)
