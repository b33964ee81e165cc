"""The shape with prompt and completion in columns of their own, whatever those are called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of, named
from studio.dataset.formats.shape import Shape, Texts

if TYPE_CHECKING:
    from studio.dataset.examples import Example

# What any shape may have beside its texts, in columns of their own.
FACTS = ("system", "task", "label", "split", "context", "rejected")
_UNSAID = {"system": "", "task": "", "label": "none", "split": "none", "context": "", "rejected": ""}
# Pairs of column names that other tools use, to propose a mapping from.
_USUAL_PAIRS = (
    ("question", "answer"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("dialogue", "summary"),
    ("input", "output"),
    ("query", "response"),
    ("source", "target"),
    ("text", "label"),
)


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({columns.names["prompt"], columns.names["completion"]})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    texts: Texts = {}
    for name in ("prompt", "completion"):
        column = columns.names[name]
        value = record.get(column)
        if column not in record:
            has = named(record) or "nothing"
            return place.problem(column, f"is missing; this row has {has}", "Add it, or delete the row.")
        if not isinstance(value, str):
            return place.problem(column, f"is {kind_of(value)}; text is needed", f'Write it in quotes: "{column}": "…"')
        texts[name] = value
    return texts


def _proposal(seen: Sequence[str]) -> str:
    lower = {name.lower(): name for name in reversed(seen)}
    usual = next((pair for pair in _USUAL_PAIRS if lower.keys() >= set(pair)), None)
    chosen = [lower[name] for name in usual] if usual else list(seen[:2])
    if len(chosen) < 2 or any(mark in name for name in chosen for mark in ",="):
        return ""  # a mapping could not name these columns
    return f"prompt={chosen[0]},completion={chosen[1]}"


def facts_of(example: Example) -> dict[str, object]:
    """What there is to say of an example in the columns ``FACTS``."""
    fields = {name: getattr(example, name) for name in FACTS}
    written = {name: text for name, text in fields.items() if text != _UNSAID[name]}
    if example.context:
        written["context"] = json.loads(example.context)
    return written


def plain_record(example: Example) -> dict[str, object]:
    """A plain text, which has no prompt, as any shape writes it; see ``plain``."""
    return {"text": example.completion, **facts_of(example)}


def _written(example: Example) -> dict[str, object]:
    return {"prompt": example.prompt, "completion": example.completion, **facts_of(example)}


PAIR = Shape(
    name="prompt/completion",
    about="A prompt and its completion, each in a column of its own; a mapping may name the columns.",
    sample='{"prompt": "…", "completion": "…"}',
    needs=_needs,
    read=_read,
    has_columns=True,
    propose=_proposal,
    write=_written,
    columns=("prompt", "completion", *FACTS, "text"),
    word="pair",
)
