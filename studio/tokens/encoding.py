"""Which tokens are learned: a pair becomes prompt tokens, then completion tokens up to and with the end-of-turn.

The text rendered at inference must be a token prefix of the training row; otherwise the model is trained on a prompt
it will never see (trl issues 4147, 5213 and 6105 are that fault). ``encode_pairs`` proves it for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from studio.errors import StudioError
from studio.tokens.rendering import Message
from studio.tokens.template import messages_of
from studio.tokens.tokenizer import ModelFolder


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
    """One training row as one sequence, as decoder-only models take it.

    ``ids[:prompt_tokens]`` is seen, ``ids[prompt_tokens:]`` is learned. Where not only completions are learned, one
    token is seen, the first: nothing stands before it that could tell it.
    """

    ids: list[int]
    prompt_tokens: int

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together: what ``max_length`` limits."""
        return len(self.ids)

    @property
    def completion_tokens(self) -> int:
        """Tokens learned, the end-of-turn token included."""
        return len(self.ids) - self.prompt_tokens

    def behind(self, leading: list[int]) -> Encoded:
        """The row with these ids before it, which are seen and not learned."""
        return Encoded([*leading, *self.ids], len(leading) + self.prompt_tokens)

    @property
    def completion_mask(self) -> list[bool]:
        """One value per id, true where the token is learned."""
        return [index >= self.prompt_tokens for index in range(len(self.ids))]


def prompt_text(folder: ModelFolder, prompt: str, system: str = "", shots: Sequence[tuple[str, str]] = ()) -> str:
    """The prompt as the model is asked at inference, ending where its answer begins.

    ``shots`` are (prompt, completion) pairs shown as earlier turns. Raises StudioError when the template fails.
    """
    return prompt_texts(folder, [messages_of(prompt, system, shots)])[0]


def prompt_texts(folder: ModelFolder, conversations: Sequence[Sequence[Message]]) -> list[str]:
    """As ``prompt_text``, for many conversations (see ``messages_of``) at once."""
    return folder.template.render_all(conversations, add_generation_prompt=True)


def training_texts(folder: ModelFolder, pairs: Sequence[Pair]) -> list[str]:
    """The whole rows as they are trained, each cut behind the end-of-turn token.

    Raises StudioError when the template does not end an answer with the end-of-turn token: a model trained so
    would never stop (trl issue 1623).
    """
    end_of_turn = folder.end_of_turn
    texts = folder.template.render_all(
        [[*messages_of(pair.prompt, pair.system), {"role": "assistant", "content": pair.completion}] for pair in pairs],
        add_generation_prompt=False,
    )
    return [_until_end_of_turn(text, end_of_turn) for text in texts]


def _until_end_of_turn(text: str, end_of_turn: str) -> str:
    end = text.rfind(end_of_turn)
    if end < 0 or text[end + len(end_of_turn) :].strip():
        raise StudioError(
            f"the chat template does not end an answer with {end_of_turn!r}.",
            "The tuned model would never stop: mend chat_template or eos_token of the model.",
        )
    return text[: end + len(end_of_turn)]


def encode_prompts(folder: ModelFolder, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of rendered texts. Each begins with what the tokenizer puts before a text by itself, exactly once.

    That is the beginning-of-sequence token, or nothing (``ModelFolder.leading_ids``). A chat template that writes it
    gets no second one. A template that does not write it, the stand-in for base models among them, gets it all the
    same. For a model's own template this is more than ``apply_chat_template`` of transformers does, which encodes
    without special tokens; but a model whose tokenizer adds the token was trained on no text without it.
    """
    leading, written = folder.leading_ids, folder.leading_text
    return [
        ids if text.lstrip().startswith(written) else leading + ids
        for text, ids in zip(texts, folder.encode(texts), strict=True)
    ]


def plain_text(pair: Pair) -> str:
    """A pair as text without a chat template: what there is of system, prompt and completion, a line each."""
    return "\n".join(part for part in (pair.system, pair.prompt, pair.completion) if part)


def encode_pairs(
    folder: ModelFolder, pairs: Sequence[Pair], objective: Objective = Objective.COMPLETION
) -> list[Encoded]:
    """Encode rows for training and prove the prefix for each. Raises StudioError naming the first that fails.

    Rows in the order of ``pairs``, as long as they are: what is over a ``max_length`` is decided in ``tokens.window``.
    ``text`` is continued pre-training: ``plain_text`` behind the tokenizer's own beginning-of-sequence token, if it has
    one, and before the token that ends an answer.
    """
    match objective:
        case Objective.TEXT:
            end = folder.end_of_turn_id
            return [Encoded([*ids, end], 1) for ids in encode_prompts(folder, [plain_text(pair) for pair in pairs])]
        case Objective.SEQUENCE:
            return [Encoded(row.ids, 1) for row in _encode_conversations(folder, pairs)]
        case Objective.COMPLETION:
            return _encode_conversations(folder, pairs)


def _encode_conversations(folder: ModelFolder, pairs: Sequence[Pair]) -> list[Encoded]:
    asked = [messages_of(pair.prompt, pair.system) for pair in pairs]
    prompts = encode_prompts(folder, prompt_texts(folder, asked))
    wholes = encode_prompts(folder, training_texts(folder, pairs))
    for pair, prompt_ids, whole_ids in zip(pairs, prompts, wholes, strict=True):
        if whole_ids[: len(prompt_ids)] != prompt_ids:
            raise StudioError(
                f"the rendered prompt is not a token prefix of its training row: {pair.prompt[:60]!r}.",
                "Trained so, the model would never see this prompt again; mend the chat template.",
            )
    return [Encoded(whole, len(prompt)) for prompt, whole in zip(prompts, wholes, strict=True)]
