"""Rendering a chat template, which is a program that came with somebody's weights: in a sandbox, and within bounds.

    python -m studio.tokens.rendering

renders for another process, which may stop it at any time: one request a line on stdin, one answer a line for each
conversation on stdout. A sandbox keeps a template from everything but time and memory, and Python cannot take those
away from what runs inside it; the system can, from a process. ``render_process`` starts it and watches the clock.
"""

from __future__ import annotations

import functools
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from studio.errors import StudioError

Message = dict[str, str]

# What a template may write: so many times what it was given, and so much of its own.
_MOST_GROWTH, _MOST_OWN_CHARS = 4, 1_000_000
MEMORY_BYTES = 512 << 20
# Processor time of one conversation. Who asks has a clock too; this one ends the process where nobody is left to ask.
_CPU_SECONDS = 20
_SHOWN_CHARS = 300
READY = b"ready"


def render(
    source: str, specials: Mapping[str, str], messages: Sequence[Message], *, add_generation_prompt: bool
) -> str:
    """What the template ``source`` makes of a conversation. Raises StudioError where it fails or writes too much."""
    try:
        text = str(compiled(source).render(messages=messages, add_generation_prompt=add_generation_prompt, **specials))
    except StudioError:
        raise
    except SecurityError as error:
        raise StudioError(
            f"the model's chat template tried to leave its sandbox: {_short(error)}.",
            "Do not use this model, or replace its chat_template.",
        ) from error
    except MemoryError as error:
        raise StudioError(
            f"the model's chat template needs more than {MEMORY_BYTES >> 20} MB.", "Replace its chat_template."
        ) from error
    except RecursionError as error:
        raise StudioError("the model's chat template never ends.", "Replace its chat_template.") from error
    except Exception as error:  # a template can raise anything; whatever it is belongs to the template
        raise StudioError(
            f"the model's chat template failed: {_short(error)}.",
            "It may not accept a system message or this order of roles.",
        ) from error
    given = sum(len(message["content"]) for message in messages)
    if len(text) > _MOST_GROWTH * given + _MOST_OWN_CHARS:
        raise StudioError(
            f"the model's chat template makes {len(text):,} characters of {given:,}.", "Replace its chat_template."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StudioError("the model's chat template writes what is no text.", "Replace its chat_template.") from error
    return text


@functools.lru_cache(maxsize=4)
def compiled(source: str) -> jinja2.Template:
    """The template as a program. Raises StudioError, naming the line, where it is not valid Jinja."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise StudioError(
            f"the model's chat template is not valid Jinja: {_short(error)} (line {error.lineno})."
        ) from error


def _to_json(value: Any, indent: int | None = None) -> str:
    # As transformers renders it: Jinja's own tojson escapes for HTML, which would put \u003c into prompts.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _short(error: BaseException) -> str:
    said = str(error) or type(error).__name__
    return f"{said[:_SHOWN_CHARS]}…" if len(said) > _SHOWN_CHARS else said


def main() -> None:
    """Answer requests until stdin ends. After an answer that is an error the rest of its request is left out."""
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    answers = sys.stdout.buffer
    answers.write(READY + b"\n")
    answers.flush()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        for messages in request["conversations"]:
            _limit(resource.RLIMIT_CPU, int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2])) + _CPU_SECONDS)
            answer = _answer(request, messages)
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()
            if "message" in answer:
                break


def _answer(request: dict[str, Any], messages: list[Message]) -> dict[str, str]:
    try:
        text = render(
            request["source"],
            request["specials"],
            messages,
            add_generation_prompt=request["add_generation_prompt"],
        )
    except StudioError as error:
        return {"message": error.message, "hint": error.hint}
    return {"text": text}


def _limit(what: int, soft: int) -> None:
    """Lower a limit, as far as the system knows it; the hard one stays, so that the soft one can be moved again."""
    try:
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
    except (OSError, ValueError):  # macOS takes no limit on memory; the clock is left
        return


if __name__ == "__main__":
    main()
