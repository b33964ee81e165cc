"""Verbs over the rows that a condition, a search or their numbers name: list them, label them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.common import Json, project_of, store_of
from studio.cli.printing import say, write_json, write_json_list, write_line
from studio.dataset.labels import LABELS
from studio.errors import AskedWrongly
from studio.reports.numbers import counted, number

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Store

PAGE_ROWS = 500

Where = Annotated[
    str,
    typer.Option("--where", metavar="SQL", help="Rows for which this holds: task = 'tickets' and length(prompt) > 99"),
]
Search = Annotated[
    str, typer.Option("--search", metavar="TEXT", help="Rows with this text in prompt, completion, system, task, note.")
]


def rows(
    ctx: typer.Context,
    where: Where = "",
    search: Search = "",
    sort: Annotated[
        str,
        typer.Option("--sort", metavar="ORDER", help="By these columns, as task,total_tokens:desc; then by number."),
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="The first N.", show_default="all")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON list of whole rows; export - writes JSON lines.")
    ] = False,
) -> None:
    """List rows: a table as wide as the terminal, or all their facts as JSON.

    The table shows where each text begins; studio show ID shows one whole. Filter and search are those of the screen.
    """
    order = parse_sort(sort)
    if limit < 0:
        raise AskedWrongly(f"--limit {limit} is less than nothing.", "A number of rows; without it all are listed.")
    with store_of(project_of(ctx)) as store:
        found = store.view_ids(where, search, order)
        shown = found[:limit] if limit else found
        if as_json:
            write_json_list(_whole_rows(store, shown))
        elif len(shown):
            _write_rows(store, shown)
    if len(shown) < len(found):
        say(f"{number(len(shown))} of {counted(len(found), 'row')}")
    else:
        say(counted(len(found), "row"))


def label(
    ctx: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="LABEL", help=f"{', '.join(LABELS[:-1])} or {LABELS[-1]}.")],
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="ID", help="Numbers of rows, as Data and studio rows show them.")
    ] = None,
    where: Where = "",
    search: Search = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many rows it would be; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Label rows, by their numbers or all that a condition finds.

    One studio undo takes all of them back.

    accept: right as it is, it trains. reject: wrong, it never trains. skip: for later. none: back to no label.
    """
    if wanted not in LABELS:
        meant = "studio label accept 1 2 3, or studio label reject --where \"completion = ''\""
        raise AskedWrongly(f"{wanted} is no label: {', '.join(LABELS)}.", f"The label comes first: {meant}")
    with store_of(project_of(ctx)) as store:
        chosen = _chosen(store, numbers or [], where, search)
        if dry_run:
            changed = store.labelled_anew(chosen, wanted)
            summary = f"would label {counted(changed, 'example')} {wanted}"
        else:
            change = store.set_label(chosen, wanted)
            changed, summary = change.count, change.summary
    if as_json:
        write_json({"label": wanted, "rows": len(chosen), "changed": changed, "is_dry_run": dry_run})
    same = len(chosen) - changed
    said = [summary, *([f"{number(same)} {'has' if same == 1 else 'have'} it already"] if same else [])]
    say(" · ".join([*said, *(["studio undo takes it back"] if changed and not dry_run else [])]))


def parse_sort(text: str) -> list[tuple[str, bool]]:
    """``task,total_tokens:desc`` as (column, is_descending) pairs. Raises AskedWrongly; the store knows its columns."""
    order = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        column, _, direction = part.partition(":")
        if direction not in ("", "asc", "desc"):
            raise AskedWrongly(f"--sort {part}: {direction} is no direction.", f"{column}:asc or {column}:desc")
        order.append((column.strip().lower(), direction == "desc"))
    return order


def _chosen(store: Store, numbers: list[int], where: str, search: str) -> ExampleIds:
    """The rows to label. An empty condition is none, so that an empty variable in a script does not label all."""
    import numpy as np

    has_condition = bool(where.strip() or search.strip())
    if bool(numbers) == has_condition:
        fault = "rows are named twice: by numbers and by a condition" if numbers else "no rows are named"
        raise AskedWrongly(f"{fault}.", "Their numbers, or --where and --search; --where true finds all.")
    if numbers:
        return np.unique(np.array(numbers, dtype=np.int64))
    return store.view_ids(where, search)


def _whole_rows(store: Store, ids: ExampleIds) -> Iterator[dict[str, Any]]:
    for start in range(0, len(ids), PAGE_ROWS):
        for example in store.examples(ids[start : start + PAGE_ROWS]):
            yield asdict(example)


def _write_rows(store: Store, ids: ExampleIds) -> None:
    from studio.reports.rows import RowsLayout

    layout = RowsLayout(int(ids.max()), list(store.stats().tasks))
    width = shutil.get_terminal_size((120, 24)).columns
    for start in range(0, len(ids), PAGE_ROWS):
        lines = layout.table(store.previews(ids[start : start + PAGE_ROWS])).lines(width)
        for line in lines if start == 0 else lines[1:]:
            write_line(line)
