"""The shape of plain text: all of it is learned, and nothing asks for it (objective=text)."""

from __future__ import annotations

from studio.dataset.candidates import Columns, Place, Problem, Record, is_blank, kind_of
from studio.dataset.formats.pair import FACTS
from studio.dataset.formats.shape import Shape, Texts
from studio.dataset.labels import LABELS, SPLITS

_OTHER_SHAPES = ("prompt", "completion", "instruction", "input", "output", "messages", "conversations")
_WORDS = {"label": LABELS, "split": SPLITS}
# What usually stands beside a text and is no text to learn from. Beside any other, which column is meant is not sure.
_ABOUT_A_TEXT = (
    *("id", "idx", "index", "url", "source", "title", "author", "date", "timestamp", "created", "added", "version"),
    *("lang", "language", "license", "file", "path", "meta", "metadata", "token_count", "score"),
)


def _needs(columns: Columns) -> frozenset[str]:
    return frozenset({"text"})


def _fits(record: Record) -> bool:
    return all(_may_stand_beside(name, value, record) for name, value in record.items() if name != "text")


def _may_stand_beside(name: str, value: object, record: Record) -> bool:
    """``value`` is None where only the names of columns are known."""
    if name in _OTHER_SHAPES:  # a table has all the columns of its rows, whatever their shapes
        return value is None or (isinstance(value, str) and is_blank(value))
    if name in _WORDS:  # text and label are a pair in many files: there the label is the completion
        return value in _WORDS[name] or value == "" or (value is None and "prompt" in record)
    return name in FACTS or name in _ABOUT_A_TEXT or not (value is None or isinstance(value, str))


def _read(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    text = record["text"]
    if not isinstance(text, str):
        return place.problem("text", f"is {kind_of(text)}; text is needed", 'Write it in quotes: "text": "…"')
    return {"prompt": "", "completion": text}


PLAIN = Shape(
    name="plain text",
    about="A text that nothing asks for, to be learned whole (objective=text).",
    sample='{"text": "…"}',
    needs=_needs,
    read=_read,
    has_columns=True,
    fits=_fits,
)
