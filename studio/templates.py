"""Instruction templates: how the columns of a file become a prompt and its completion. Ready ones, and yours.

A template is Jinja text, rendered in a sandbox and within bounds (``tokens.rendering``). One that has several prompts
spreads them over the rows by a hash of each row's columns, as FLAN did with its ten templates a task (Wei et al.,
arXiv:2109.01652): the same row always gets the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from studio.errors import AskedWrongly

MOST_CHARS = 100_000
OWN = "own"  # the name of a text that was given none
_USUAL = "{{ completion | default(summary) | default(answer) | default(output) | default(response) | default(target) }}"


@dataclass(frozen=True)
class Template:
    """``prompts`` are Jinja texts of which each row gets one; ``completion`` and ``system`` are Jinja texts too.

    An empty ``completion`` takes the column that is mapped as the completion, or one that usually is.
    """

    name: str
    prompts: tuple[str, ...]
    completion: str = ""
    system: str = ""
    about: str = ""

    def prompt_for(self, columns: Mapping[str, Any]) -> str:
        """The prompt that a row with these columns gets."""
        text = json.dumps(columns, ensure_ascii=False, sort_keys=True, default=str)
        digest = hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
        return self.prompts[int.from_bytes(digest[:8], "big") % len(self.prompts)]

    def with_completion(self, column: str) -> Template:
        """With that column as the completion where the template says nothing of it; "completion" is any usual one."""
        if self.completion:
            return self
        source = _USUAL if column == "completion" else f"{{{{ this[{json.dumps(column)}] }}}}"
        return replace(self, completion=source)


# Columns by the names that published sets of these tasks give them.
_TEXT = "{{ text | default(dialogue) | default(document) | default(article) | default(input) | default(prompt) }}"
_ANSWER = "{{ summary | default(highlights) | default(output) | default(target) | default(completion) }}"
_LABEL = "{{ label | default(output) | default(target) | default(completion) }}"

READY: tuple[Template, ...] = (
    Template(
        "summarise",
        (
            f"Summarize the following text.\n\n{_TEXT}\n\nSummary:",
            f"{_TEXT}\n\nWhat is said above, in short?",
            f"Write a short summary of this text:\n\n{_TEXT}",
        ),
        _ANSWER,
        about="a text into its summary (text, dialogue, document or article; summary or highlights)",
    ),
    Template(
        "classify",
        (
            f"Classify the following text. Answer with the label alone.\n\nText: {_TEXT}\nLabel:",
            f"{_TEXT}\n\nWhich label fits this text? Answer with the label alone.",
        ),
        _LABEL,
        about="a text into its label (text; label)",
    ),
    Template(
        "extract",
        (
            f"Extract the facts from the following text as JSON.\n\n{_TEXT}\n\nJSON:",
            f"Text: {_TEXT}\n\nWrite what it says as one JSON object.",
        ),
        "{{ json | default(output) | default(target) | default(completion) }}",
        about="a text into JSON (text; json or output)",
    ),
    Template(
        "answer",
        (
            "{% if context %}Read the text and answer the question.\n\n{{ context }}\n\n{% endif %}"
            "Question: {{ question }}\nAnswer:",
            "{% if context %}{{ context }}\n\n{% endif %}{{ question }}",
        ),
        "{{ answer | default(output) | default(target) | default(completion) }}",
        about="a question, with a text to read or without, into its answer (question, context; answer)",
    ),
    Template(
        "translate",
        (
            "Translate{% if language %} into {{ language }}{% endif %}:\n\n{{ source | default(text) }}",
            "{{ source | default(text) }}\n\nWhat is that{% if language %} in {{ language }}{% endif %}?",
        ),
        "{{ target | default(translation) | default(output) | default(completion) }}",
        about="a text into another language (source, language; target or translation)",
    ),
    Template(
        "rewrite",
        (
            "Rewrite the following text{% if style %} so that it is {{ style }}{% endif %}.\n\n" + _TEXT,
            _TEXT + "\n\nSay this again{% if style %}, so that it is {{ style }}{% endif %}.",
        ),
        "{{ rewritten | default(output) | default(target) | default(completion) }}",
        about="a text into another wording (text, style; rewritten or output)",
    ),
)


def template_from(name: str, facts: object) -> Template:
    """The template that a table of ``studio.toml`` says. Raises AskedWrongly with what is wrong in it."""
    where = f"templates.{name}"
    hint = 'Write [templates.NAME] and below it prompt = ["…{{column}}…"] and completion = "{{column}}".'
    if not isinstance(facts, Mapping):
        raise AskedWrongly(f"{where} is no table.", hint)
    if unknown := [key for key in facts if key not in ("prompt", "completion", "system")]:
        raise AskedWrongly(f"{where} has {unknown[0]!r}, which is not known.", "Known: prompt, completion, system.")
    prompts = facts.get("prompt", [])
    prompts = [prompts] if isinstance(prompts, str) else prompts
    texts = [*prompts, facts.get("completion", ""), facts.get("system", "")] if isinstance(prompts, list) else [None]
    if not prompts or not all(isinstance(text, str) and len(text) <= MOST_CHARS for text in texts):
        raise AskedWrongly(f"{where}: prompt is a text or a list of texts, completion and system are texts.", hint)
    return Template(name, tuple(prompts), str(facts.get("completion", "")), str(facts.get("system", "")))


def template_named(asked: str, own: Mapping[str, Template], completion: str = "", name: str = "") -> Template:
    """``asked`` is the name of one of ``own`` or of ``READY``, or a Jinja text itself, known as ``name`` or "own".

    ``\\n`` in a text is a line break. Raises AskedWrongly where it is neither.
    """
    if "{{" in asked or "{%" in asked:
        return Template(name or OWN, (_with_breaks(asked),), _with_breaks(completion))
    known = {**{one.name: one for one in READY}, **own}
    if asked not in known:
        braces = " Columns stand in two braces: {{column}}." if "{" in asked else ""
        raise AskedWrongly(f"{asked!r} is no template.{braces}", f"Write one, or name one of: {', '.join(known)}.")
    found = known[asked]
    return replace(found, completion=_with_breaks(completion)) if completion else found


def several(templates: Iterable[Template]) -> Template:
    """One template that spreads the prompts of all of them; name, completion and system are the first's."""
    first, *others = templates
    return replace(first, prompts=tuple(prompt for one in (first, *others) for prompt in one.prompts))


def _with_breaks(text: str) -> str:
    return text.replace("\\n", "\n")
