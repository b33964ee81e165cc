"""Encoder-decoder models: a row is two sequences, the source that the encoder reads and the target that is learned.

Both are what the model's own tokenizer makes of a text, with what its post-processor puts around one: T5's adds
``</s>`` behind, BART's ``<s>`` and ``</s>`` around. These models were trained on texts, not on turns: the source is the
prompt as it is, system text, worked examples and the earlier turns of its conversation before it, each answer followed
by an empty line.
"""

from __future__ import annotations

from collections.abc import Sequence

from studio.tokens.layout import Budget, ContextWindow, Model
from studio.tokens.pairs import Encoded, Objective, Pair
from studio.tokens.template import SOURCE_TEMPLATE, messages_of

# What models with relative positions were trained at where their config.json does not say: T5's length.
_USUAL_TRAINED_TOKENS = 512


class SourceAndTarget:
    """See ``layout.Layout``."""

    mark = "source and target"
    stand_in_template = SOURCE_TEMPLATE
    # Of a source nothing is said, so that nothing of it can be learned.
    objectives: tuple[Objective, ...] = (Objective.COMPLETION,)
    takes_virtual_tokens = False

    def encode_prompts(self, folder: Model, texts: Sequence[str]) -> list[list[int]]:
        """Each as ``tokenizer(text)`` of transformers encodes it; what a text has already is not put there again."""
        before, after = folder.leading_text, folder.trailing_text
        return [
            [
                *([] if before and text.lstrip().startswith(before) else folder.leading_ids),
                *ids,
                *([] if after and text.rstrip().endswith(after) else folder.trailing_ids),
            ]
            for text, ids in zip(texts, folder.encode(texts), strict=True)
        ]

    def encode_pairs(self, folder: Model, pairs: Sequence[Pair], objective: Objective) -> list[Encoded]:
        """The source is the prompt as it is asked at inference, nothing less: there is no prefix to prove.

        The target ends with the end-of-turn token, added where the tokenizer does not: it must be learned.
        """
        asked = [messages_of(pair.prompt, pair.system, context=pair.context) for pair in pairs]
        sources = self.encode_prompts(folder, folder.template.render_all(asked, add_generation_prompt=True))
        targets = self.encode_prompts(folder, [pair.completion for pair in pairs])
        end = folder.end_of_turn_id
        ended = [ids if ids[-1:] == [end] else [*ids, end] for ids in targets]
        return [Encoded(source + target, len(source)) for source, target in zip(sources, ended, strict=True)]

    def sequences(self, row: Encoded) -> list[list[int]]:
        """Source and target."""
        return [row.prompt_ids, row.completion_ids]

    def shot_tokens(self, folder: Model, pairs: Sequence[Pair], encoded: Sequence[Encoded]) -> list[int]:
        """An example stands in the source without what the tokenizer puts around a text, and without system text."""
        asked = [messages_of("", shots=[pair]) for pair in pairs]
        return [len(ids) for ids in folder.encode(folder.template.render_all(asked, add_generation_prompt=True))]

    def budget(self, max_length: int, max_target_length: int = 0) -> Budget:
        """A ``max_target_length`` of 0 is as much as the source has."""
        return Budget(max_length, max_target_length or max_length)

    def window(self, folder: Model) -> ContextWindow:
        """Each side has its own. Relative positions (T5) have no last one: there the number is no limit."""
        if "relative_attention_num_buckets" not in folder.config:
            return ContextWindow(folder.context_window, is_shared=False)
        is_named = folder.config.get("n_positions") is not None
        trained = folder.context_window if is_named else _USUAL_TRAINED_TOKENS
        return ContextWindow(trained, is_shared=False, is_hard=False)
