"""Rows out of columns by an instruction template, at import and again later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from studio.dataset.candidates import Candidate, Columns, Place, Problem, candidate_of, named, text_fault
from studio.dataset.pages import APPLIED
from studio.dataset.store import Change, Store
from studio.errors import AskedWrongly, StudioError
from studio.reports.numbers import counted
from studio.templates import OWN, Template
from studio.tokens.render_process import RENDERER

NAME = "a template"
_ROWS = 1_000

Found = tuple[Place, dict[str, Any]] | Problem


def templated(records: Iterable[Found], template: Template, columns: Columns) -> Iterator[Candidate | Problem]:
    """What ``template`` makes of each record; one that it makes nothing of is a problem.

    Rows of no task are of one called as the template, where that has a name.
    Raises StudioError where the template is no Jinja, is late or takes too much.
    """
    template = template.with_completion(columns.names["completion"])
    columns = replace(columns, task=columns.task or ("" if template.name == OWN else template.name))
    iterator = iter(records)
    while chunk := list(islice(iterator, _ROWS)):
        rows = [found[1] for found in chunk if not isinstance(found, Problem)]
        texts = iter(_rendered(template, rows))
        for found in chunk:
            yield found if isinstance(found, Problem) else _row(*found, next(texts), template, columns)


def _row(
    place: Place, record: dict[str, Any], texts: dict[str, str] | StudioError, template: Template, columns: Columns
) -> Candidate | Problem:
    if isinstance(texts, StudioError):
        has = f"this row has {named(record) or 'nothing'}"
        return Problem(
            place.file, place.line, "template", f"{texts.message.rstrip('.')}; {has}", texts.hint, shape=NAME
        )
    texts = {**texts, "template": template.name, "raw": _as_json(record)}
    return candidate_of(texts, record, columns, place, NAME)


def _rendered(template: Template, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str] | StudioError]:
    """The texts of each row, in order."""
    safe = [_only_json(row) for row in rows]
    by_prompt: dict[str, list[int]] = {}
    for place, row in enumerate(safe):
        by_prompt.setdefault(template.prompt_for(row), []).append(place)
    prompts: dict[int, str | StudioError] = {}
    for source, places in by_prompt.items():
        made = RENDERER.render_rows(source, [safe[place] for place in places])
        prompts.update(zip(places, made, strict=True))
    others = {"completion": RENDERER.render_rows(template.completion, safe)}
    if template.system:
        others["system"] = RENDERER.render_rows(template.system, safe)
    found: list[dict[str, str] | StudioError] = []
    for place in range(len(safe)):
        texts = {"prompt": prompts[place], **{name: column[place] for name, column in others.items()}}
        failed = next((text for text in texts.values() if isinstance(text, StudioError)), None)
        found.append(failed or {name: str(text) for name, text in texts.items()})
    return found


def _only_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns as JSON can say them: a date of a Parquet file becomes its text."""
    copy: dict[str, Any] = json.loads(_as_json(row))
    return copy


def _as_json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Applied:
    """What applying a template anew came to: the change, rows edited by hand and left, rows that it does not fit."""

    change: Change
    edited: int
    failed: list[tuple[int, str]]

    @property
    def words(self) -> str:
        """For people."""
        parts = [self.change.summary]
        if self.edited:
            parts.append(f"{counted(self.edited, 'row')} edited by hand since, left as they are")
        if self.failed:
            example_id, why = self.failed[0]
            parts.append(f"{counted(len(self.failed), 'row')} it cannot be applied to, as {example_id}: {why}")
        return " · ".join(parts)


def apply_template(store: Store, name: str, template: Template) -> Applied:
    """Make all rows that the template ``name`` made anew by ``template``: one undo step.

    Rows that somebody edited since are left as they are. Raises AskedWrongly where the template made no row,
    StudioError as ``templated``.
    """
    rows = store.made_by(name)
    if not rows:
        hint = "studio rows --where \"template <> ''\" shows the rows that were made by one."
        raise AskedWrongly(f"No row was made by the template {name!r}.", hint)
    left = [(example_id, json.loads(raw)) for example_id, raw, is_edited in rows if not is_edited]
    column = template.with_completion("completion")
    wanted: list[tuple[int, str, str]] = []
    failed: list[tuple[int, str]] = []
    for start in range(0, len(left), _ROWS):
        part = left[start : start + _ROWS]
        for (example_id, _), texts in zip(part, _rendered(column, [raw for _, raw in part]), strict=True):
            if isinstance(texts, StudioError):
                failed.append((example_id, texts.message))
            elif fault := text_fault(texts["prompt"]) or text_fault(texts["completion"]):
                failed.append((example_id, f"a text {fault[0]}"))
            else:
                wanted.append((example_id, texts["prompt"], texts["completion"]))
    change = store.replace_texts(f"{APPLIED} {name} to", wanted) if wanted else Change(0, "nothing to change")
    return Applied(change, len(rows) - len(left), failed)
