"""Chat templates: how a conversation becomes the text that a model sees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from studio.tokens.pairs import Pair
from studio.tokens.render_process import RENDERER
from studio.tokens.rendering import Message, render
from studio.turns import turns_in

# For base models, which come without a chat template. The headings are those of Stanford Alpaca's instruction format
# (PROMPT_DICT in train.py of github.com/tatsu-lab/stanford_alpaca), without its sentence before them.
INSTRUCTION_TEMPLATE = """\
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ message['content'] + '\n\n' }}
{%- elif message['role'] == 'user' -%}{{ '### Instruction:\n' + message['content'] + '\n\n### Response:\n' }}
{%- else -%}{{ message['content'] + eos_token + '\n\n' }}
{%- endif -%}
{%- endfor -%}"""

# For encoder-decoder models, which were trained on texts and not on turns: the prompt as it is, what comes before it
# (system text, worked examples, earlier turns) parted from it by an empty line.
SOURCE_TEMPLATE = """\
{%- for message in messages -%}
{{ message['content'] }}
{%- if message['role'] != 'user' -%}{{ '\n\n' }}
{%- elif not loop.last and message['content'][-1:] not in ' \n\t' -%}{{ '\n' }}
{%- endif -%}
{%- endfor -%}"""


# SHA-256 of the templates that come with the studio: the two above and those of the packaged models. They are rendered
# in this process; any other is somebody's program and rendered in a process of its own.
KNOWN_TEMPLATES = {
    hashlib.sha256(INSTRUCTION_TEMPLATE.encode()).hexdigest(): "instruction",
    hashlib.sha256(SOURCE_TEMPLATE.encode()).hexdigest(): "source",
    "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788": "smollm2-135m-instruct",
}


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja chat template and what it may write of the tokenizer's: ``specials`` is name → text of each token."""

    source: str
    specials: dict[str, str]

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        """The text the model sees. Raises StudioError when the template raises, leaves its sandbox or its bounds."""
        return self.render_all([messages], add_generation_prompt=add_generation_prompt)[0]

    def render_all(self, conversations: Sequence[Sequence[Message]], *, add_generation_prompt: bool) -> list[str]:
        """The texts of many conversations, as ``render``; the error names the first that fails."""
        if not self.is_known:
            return RENDERER.render_all(
                self.source, self.specials, conversations, add_generation_prompt=add_generation_prompt
            )
        return [
            render(self.source, self.specials, messages, add_generation_prompt=add_generation_prompt)
            for messages in conversations
        ]

    @cached_property
    def is_known(self) -> bool:
        """Whether the studio came with this template."""
        return hashlib.sha256(self.source.encode()).hexdigest() in KNOWN_TEMPLATES


def messages_of(prompt: str, system: str = "", shots: Sequence[Pair] = (), context: str = "") -> list[Message]:
    """The conversation up to the answer: system text, ``shots`` shown as earlier turns, the row's own turns, prompt.

    A shot brings the turns before it and no system text. ``context`` are the row's earlier turns, see ``turns``.
    """
    messages = [{"role": "system", "content": system}] if system else []
    for shot in shots:
        messages += _turns(shot.context)
        messages.append({"role": "user", "content": shot.prompt})
        messages.append({"role": "assistant", "content": shot.completion})
    messages += _turns(context)
    messages.append({"role": "user", "content": prompt})
    return messages


def conversation_of(pair: Pair) -> list[Message]:
    """The messages of a whole row, its answer the last."""
    return [
        *messages_of(pair.prompt, pair.system, context=pair.context),
        {"role": "assistant", "content": pair.completion},
    ]


def _turns(context: str) -> list[Message]:
    return [{"role": turn.role, "content": turn.text} for turn in turns_in(context)]
