"""Chat templates, rendered in a sandbox: a template is a program that came with somebody's weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio.errors import StudioError

Message = dict[str, str]

# For base models, which come without a chat template. The headings are those of Stanford Alpaca's instruction format
# (PROMPT_DICT in train.py of github.com/tatsu-lab/stanford_alpaca), without its sentence before them.
INSTRUCTION_TEMPLATE = """\
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}{{ message['content'] + '\n\n' }}
{%- elif message['role'] == 'user' -%}{{ '### Instruction:\n' + message['content'] + '\n\n### Response:\n' }}
{%- else -%}{{ message['content'] + eos_token + '\n\n' }}
{%- endif -%}
{%- endfor -%}"""


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja chat template and what it may write of the tokenizer's: ``specials`` is name → text of each token."""

    source: str
    specials: dict[str, str]

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        """The text the model sees. Raises StudioError when the template raises or leaves its sandbox."""
        try:
            return self._compiled.render(
                messages=messages, add_generation_prompt=add_generation_prompt, **self.specials
            )
        except SecurityError as error:
            raise StudioError(
                f"the model's chat template tried to leave its sandbox: {error}.",
                "Do not use this model, or replace its chat_template.",
            ) from error
        except RecursionError as error:
            raise StudioError("the model's chat template never ends.", "Replace its chat_template.") from error
        except Exception as error:  # a template can raise anything; whatever it is belongs to the template
            raise StudioError(
                f"the model's chat template failed: {error}.",
                "It may not accept a system message or this order of roles.",
            ) from error

    @cached_property
    def _compiled(self) -> jinja2.Template:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        try:
            return environment.from_string(self.source)
        except jinja2.TemplateSyntaxError as error:
            raise StudioError(
                f"the model's chat template is not valid Jinja: {error} (line {error.lineno})."
            ) from error


def messages_of(prompt: str, system: str = "", shots: Sequence[tuple[str, str]] = ()) -> list[Message]:
    """The conversation up to the answer; ``shots`` are (prompt, completion) pairs shown as earlier turns."""
    messages = [{"role": "system", "content": system}] if system else []
    for shot_prompt, shot_completion in shots:
        messages.append({"role": "user", "content": shot_prompt})
        messages.append({"role": "assistant", "content": shot_completion})
    messages.append({"role": "user", "content": prompt})
    return messages


def _to_json(value: Any, indent: int | None = None) -> str:
    # As transformers renders it: Jinja's own tojson escapes for HTML, which would put \u003c into prompts.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)
