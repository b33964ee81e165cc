"""The shape of Stanford Alpaca: an instruction, perhaps an input to it, and the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.dataset.candidates import Columns, Place, Problem, Record, kind_of
from studio.dataset.formats.pair import FACTS, facts_of
from studio.dataset.formats.shape import Shape, Texts

if TYPE_CHECKING:
    from studio.dataset.examples import Example


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"instruction", "output"})


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    values = {name: record.get(name) for name in ("instruction", "input", "output")}
    for name, value in values.items():
        if not isinstance(value, str) and not (name == "input" and value is None):
            return place.problem(name, f"is {kind_of(value)}; text is needed", f'Write it in quotes: "{name}": "…"')
    # As PROMPT_DICT in train.py of github.com/tatsu-lab/stanford_alpaca parts them, without its headings.
    asked = [str(value) for name in ("instruction", "input") if (value := values[name])]
    return {"prompt": "\n\n".join(asked), "completion": str(values["output"])}


def _written(example: Example) -> dict[str, object]:
    return {"instruction": example.prompt, "input": "", "output": example.completion, **facts_of(example)}


ALPACA = Shape(
    name="Alpaca",
    about="An instruction, an input to it or none, and the output; the prompt is both, an empty line between them.",
    sample='{"instruction": "…", "input": "…", "output": "…"}',
    needs=_needs,
    read=_read,
    has_columns=True,
    write=_written,
    columns=("instruction", "input", "output", *FACTS, "text"),
    word="alpaca",
)
