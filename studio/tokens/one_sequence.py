"""Decoder-only models: a row is one sequence, prompt tokens, then completion tokens up to and with the end-of-turn.

The text rendered at inference must be a token prefix of the training row; otherwise the model is trained on a prompt
it will never see (trl issues 4147, 5213 and 6105 are that fault). ``encode_pairs`` proves it for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from studio.errors import AskedWrongly, StudioError
from studio.files import in_short
from studio.tokens.layout import Budget, ContextWindow, Model
from studio.tokens.pairs import Encoded, Objective, Pair
from studio.tokens.rendering import Message
from studio.tokens.template import INSTRUCTION_TEMPLATE, conversation_of, messages_of
from studio.turns import turns_in


class OneSequence:
    """See ``layout.Layout``."""

    mark = ""
    stand_in_template = INSTRUCTION_TEMPLATE
    objectives = tuple(Objective)
    takes_virtual_tokens = True

    def encode_prompts(self, folder: Model, texts: Sequence[str]) -> list[list[int]]:
        """Each begins with what the tokenizer puts before a text by itself, exactly once.

        That is the beginning-of-sequence token, or nothing (``ModelFolder.leading_ids``). A chat template that writes
        it gets no second one. A template that does not write it, the stand-in for base models among them, gets it all
        the same. For a model's own template this is more than ``apply_chat_template`` of transformers does, which
        encodes without special tokens; but a model whose tokenizer adds the token was trained on no text without it.
        """
        leading, written = folder.leading_ids, folder.leading_text
        return [
            ids if text.lstrip().startswith(written) else leading + ids
            for text, ids in zip(texts, folder.encode(texts), strict=True)
        ]

    def encode_pairs(self, folder: Model, pairs: Sequence[Pair], objective: Objective) -> list[Encoded]:
        """Conversations, with the prefix proved for each. Raises StudioError naming the first that fails.

        ``text`` is continued pre-training: ``plain_text`` behind the tokenizer's own beginning-of-sequence token, if it
        has one, and before the token that ends an answer.
        """
        match objective:
            case Objective.TEXT:
                end = folder.end_of_turn_id
                texts = self.encode_prompts(folder, [plain_text(pair) for pair in pairs])
                return [Encoded([*ids, end], 1) for ids in texts]
            case Objective.SEQUENCE:
                return [Encoded(row.ids, 1) for row in self._encode_conversations(folder, pairs)]
            case Objective.COMPLETION:
                return self._encode_conversations(folder, pairs)
            case Objective.TURNS:
                return self._with_earlier_answers(folder, pairs, self._encode_conversations(folder, pairs))

    def _encode_conversations(self, folder: Model, pairs: Sequence[Pair]) -> list[Encoded]:
        asked = [messages_of(pair.prompt, pair.system, context=pair.context) for pair in pairs]
        prompts = self.encode_prompts(folder, folder.template.render_all(asked, add_generation_prompt=True))
        wholes = self.encode_prompts(folder, training_texts(folder, list(map(conversation_of, pairs))))
        for pair, prompt_ids, whole_ids in zip(pairs, prompts, wholes, strict=True):
            if whole_ids[: len(prompt_ids)] != prompt_ids:
                raise StudioError(
                    f"the rendered prompt is not a token prefix of its training row: {pair.prompt[:60]!r}.",
                    "Trained so, the model would never see this prompt again; mend the chat template.",
                )
        return [Encoded(whole, len(prompt)) for prompt, whole in zip(prompts, wholes, strict=True)]

    def _with_earlier_answers(self, folder: Model, pairs: Sequence[Pair], rows: Sequence[Encoded]) -> list[Encoded]:
        """The rows with the spans of their earlier answers: each from where it is asked for up to its end-of-turn.

        Both are found by rendering the conversation up to there, which has to begin the row: so it is proved that an
        answer is learned as it would be asked for. Raises StudioError for a template that writes a turn otherwise once
        others follow it.
        """
        asked: list[list[Message]] = []
        answered: list[list[Message]] = []
        for pair in pairs:
            messages = conversation_of(pair)
            places = [place for place, message in enumerate(messages[:-1]) if message["role"] == "assistant"]
            asked += [messages[:place] for place in places]
            answered += [messages[: place + 1] for place in places]
        begins = iter(self.encode_prompts(folder, folder.template.render_all(asked, add_generation_prompt=True)))
        ends = iter(self.encode_prompts(folder, training_texts(folder, answered)))
        found = []
        for pair, row in zip(pairs, rows, strict=True):
            spans = []
            for turn in turns_in(pair.context):
                if turn.role != "assistant":
                    continue
                begin, end = next(begins), next(ends)
                if row.ids[: len(begin)] != begin or row.ids[: len(end)] != end:
                    raise StudioError(
                        f"the turns before {pair.prompt[:60]!r} are other tokens than when they were answered.",
                        "This model's chat template rewrites earlier turns: set learned_turns=last.",
                    )
                spans.append((len(begin), len(end)))
            found.append(Encoded(row.ids, row.prompt_tokens, tuple(spans)))
        return found

    def sequences(self, row: Encoded) -> list[list[int]]:
        """The row itself."""
        return [row.ids]

    def shot_tokens(self, folder: Model, pairs: Sequence[Pair], encoded: Sequence[Encoded]) -> list[int]:
        """One more user and assistant turn, in tokens.

        A shot brings no system message of its own, so a row that has one is counted once more without it. What then
        differs between a turn and a training row is the template's fixed text (a header that stands once, a line break
        after the answer), which is the same for every pair.
        """
        totals = [row.total_tokens for row in encoded]
        with_system = [index for index, pair in enumerate(pairs) if pair.system]
        bare = training_texts(folder, [conversation_of(replace(pairs[index], system="")) for index in with_system])
        for index, ids in zip(with_system, self.encode_prompts(folder, bare), strict=True):
            totals[index] = len(ids)
        overhead = self._turn_overhead(folder)
        return [max(0, total + overhead) for total in totals]

    def _turn_overhead(self, folder: Model) -> int:
        """Tokens of an example as an earlier turn, less what it has as a training row without a system message."""
        shot, question = Pair("Where is my parcel?", "It is on its way."), "And my lamp?"
        asked = [messages_of(question), messages_of(question, shots=[shot])]
        texts = folder.template.render_all(asked, add_generation_prompt=True)
        without, with_shot = self.encode_prompts(folder, texts)
        return len(with_shot) - len(without) - self._encode_conversations(folder, [shot])[0].total_tokens

    def budget(self, max_length: int, max_target_length: int = 0) -> Budget:
        """Raises AskedWrongly for a ``max_target_length``: there is one sequence and one budget."""
        if max_target_length:
            raise AskedWrongly(
                f"max_target_length={max_target_length} is for encoder-decoder models; in a decoder-only model "
                "prompt and completion share max_length.",
                "Leave max_target_length at 0.",
            )
        return Budget(max_length)

    def window(self, folder: Model) -> ContextWindow:
        return ContextWindow(folder.context_window)


def plain_text(pair: Pair) -> str:
    """A pair as text without a chat template: what there is of system, turns, prompt and completion, a line each."""
    turns = (turn.text for turn in turns_in(pair.context))
    return "\n".join(part for part in (pair.system, *turns, pair.prompt, pair.completion) if part)


def training_texts(folder: Model, conversations: Sequence[Sequence[Message]]) -> list[str]:
    """Conversations that end with an answer, as they are trained: each cut behind the end-of-turn token.

    Raises StudioError when the template does not end an answer with the end-of-turn token: a model trained so
    would never stop (trl issue 1623).
    """
    end_of_turn = folder.end_of_turn
    texts = folder.template.render_all(conversations, add_generation_prompt=False)
    return [_until_end_of_turn(text, end_of_turn) for text in texts]


def _until_end_of_turn(text: str, end_of_turn: str) -> str:
    end = text.rfind(end_of_turn)
    if end < 0 or text[end + len(end_of_turn) :].strip():
        raise StudioError(
            f"the chat template does not end an answer with {in_short(end_of_turn)!r}.",
            "The tuned model would never stop: mend chat_template or eos_token of the model.",
        )
    return text[: end + len(end_of_turn)]
