"""A few of the rows that a check found, each with the part of it that offends, masked where it is private."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.dataset.checks.check import Check, RowCheck
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import quoted
from studio.dataset.examples import ExampleIds

SAMPLES = 3
_AROUND_CHARS = 60
_PART_CHARS = 80
# Of something private so many characters stay readable: enough to know it again, too few to use it.
_SHOWN_CHARS = 3


@dataclass(frozen=True)
class Sample:
    """A row's text around what offends: ``part`` stands in ``column`` between ``before`` and ``behind``.

    Where no single part offends, ``part`` is empty and ``before`` is how the text begins.
    """

    example_id: int
    column: str
    before: str
    part: str
    behind: str


def masked(part: str) -> str:
    """``part`` with all but its first characters as dots, as many as it has: ``AKI•••••``."""
    shown = part[:_SHOWN_CHARS] if len(part) > 2 * _SHOWN_CHARS else ""
    return shown + "•" * (len(part) - len(shown))


def samples_of(rows: Rows, check: Check, example_ids: ExampleIds, *, is_whole: bool = False) -> list[Sample]:
    """A sample of each of these rows, in their order; what is private is masked unless ``is_whole``."""
    texts = {
        row[0]: {"prompt": row[1], "completion": row[2]}
        for row in rows.stream(f"SELECT example_id, prompt, completion FROM {rows.only(example_ids).table}")
    }
    parts = _parts(rows.only(example_ids), check)
    hides = check.is_private and not is_whole
    ids = [int(id_) for id_ in example_ids if int(id_) in texts]
    return [_sample(check, id_, texts[id_], parts.get(id_, []), hides) for id_ in ids]


def _parts(rows: Rows, check: Check) -> dict[int, list[tuple[str, str]]]:
    """Row → (column, what a spot's pattern matches there), of those that the check confirms."""
    found: dict[int, list[tuple[str, str]]] = {}
    confirm = check.confirm_part if isinstance(check, RowCheck) else None
    for spot in check.spots:
        matches = rows.stream(
            f"SELECT example_id, regexp_extract_all({spot.column}, {quoted(spot.pattern)}) FROM {rows.table}"
        )
        for example_id, some in matches:
            kept = [part for part in some if part and (confirm is None or confirm(part))]
            found.setdefault(example_id, []).extend((spot.column, part) for part in kept)
    return found


def _sample(
    check: Check, example_id: int, texts: dict[str, str], parts: Sequence[tuple[str, str]], hides: bool
) -> Sample:
    if not parts:
        column = "completion" if "completion" in check.about.lower() else "prompt"
        return Sample(example_id, column, texts[column][: 2 * _AROUND_CHARS], "", "")
    column, part = parts[0]
    text = texts[column]
    start = text.rfind(part) if check.spots[0].pattern.endswith("$") else text.find(part)
    before, behind = text[max(0, start - _AROUND_CHARS) : start], text[start + len(part) :][:_AROUND_CHARS]
    if hides:
        for _, other in parts:
            before, behind = (piece.replace(other, masked(other)) for piece in (before, behind))
        part = masked(part)
    return Sample(example_id, column, before, part[:_PART_CHARS], behind)
