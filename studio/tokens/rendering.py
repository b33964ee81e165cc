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
from collections.abc import Callable, Mapping, Sequence
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


def render_row(source: str, columns: Mapping[str, Any]) -> str:
    """What the instruction template ``source`` makes of a row; ``this`` in it is all its columns.

    Raises StudioError where it fails, names a column that is not there, or writes too much.
    """
    given = sum(len(value) for value in columns.values() if isinstance(value, str))
    return _bounded("the template", lambda: compiled(source, strict=True).render({**columns, "this": columns}), given)


def render(
    source: str, specials: Mapping[str, str], messages: Sequence[Message], *, add_generation_prompt: bool
) -> str:
    """What the template ``source`` makes of a conversation. Raises StudioError where it fails, or writes too much or
    nothing: no answer to an empty prompt is worth learning."""
    given = sum(len(message["content"]) for message in messages)
    variables = {"messages": messages, "add_generation_prompt": add_generation_prompt, **specials}
    text = _bounded("the model's chat template", lambda: compiled(source).render(variables), given)
    if given and not text:
        raise StudioError("the model's chat template writes nothing of a conversation.", "Replace its chat_template.")
    return text


def _bounded(what: str, make: Callable[[], str], given: int) -> str:
    """The text of ``what``, which is given so many characters. Raises StudioError as ``render``."""
    is_models = what == "the model's chat template"
    other = "Replace its chat_template." if is_models else "Write it another way."
    try:
        text = str(make())
    except StudioError:
        raise
    except SecurityError as error:
        raise StudioError(
            f"{what} tried to leave its sandbox: {_short(error)}.",
            "Do not use this model, or replace its chat_template." if is_models else other,
        ) from error
    except MemoryError as error:
        raise StudioError(f"{what} needs more than {MEMORY_BYTES >> 20} MB.", other) from error
    except RecursionError as error:
        raise StudioError(f"{what} never ends.", other) from error
    except Exception as error:  # a template can raise anything; whatever it is belongs to the template
        raise StudioError(
            f"{what} failed: {_short(error)}.",
            "It may not accept a system message or this order of roles." if is_models else other,
        ) from error
    if len(text) > _MOST_GROWTH * given + _MOST_OWN_CHARS:
        raise StudioError(f"{what} makes {len(text):,} characters of {given:,}.", other)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StudioError(f"{what} writes what is no text.", other) from error
    return text


@functools.lru_cache(maxsize=16)
def compiled(source: str, *, strict: bool = False) -> jinja2.Template:
    """The template as a program, in which ``strict`` makes what is not there an error.

    Raises StudioError, naming the line, where it is not valid Jinja.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=not strict,
        lstrip_blocks=not strict,
        keep_trailing_newline=strict,
        undefined=_Missing if strict else jinja2.Undefined,
        extensions=[loopcontrols],
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        what = "the template" if strict else "the model's chat template"
        raise StudioError(f"{what} is not valid Jinja: {_short(error)} (line {error.lineno}).") from error


class _Missing(jinja2.StrictUndefined):
    """A column that is not there: it may be asked for (``if``, ``default``), and not be written."""

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


def _to_json(value: Any, indent: int | None = None) -> str:
    # As transformers renders it: Jinja's own tojson escapes for HTML, which would put \u003c into prompts.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise jinja2.TemplateError(message)


def _short(error: BaseException) -> str:
    said = str(error) or type(error).__name__
    return f"{said[:_SHOWN_CHARS]}…" if len(said) > _SHOWN_CHARS else said


def main() -> None:
    """Answer requests until stdin ends. Of conversations, what follows one that fails is left out."""
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
            if "message" in answer and not request.get("is_of_rows"):
                break


def _answer(request: dict[str, Any], messages: Any) -> dict[str, str]:
    """``messages`` is a conversation, or the columns of a row where the request is of rows."""
    try:
        if request.get("is_of_rows"):
            return {"text": render_row(request["source"], messages)}
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
