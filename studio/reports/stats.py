"""How many examples there are, of which kind."""

from __future__ import annotations

from studio.dataset.examples import Stats
from studio.reports.numbers import number, percent
from studio.reports.table import Cell, Column, Table


def stats_table(stats: Stats) -> Table:
    """All examples, then by label, by split and by task, each with its share."""
    rows = [[Cell("all"), Cell(""), Cell(number(stats.examples)), Cell("")]]
    for kind, counts in (("label", stats.labels), ("split", stats.splits), ("task", stats.tasks)):
        for place, (name, count) in enumerate(counts.items()):
            style = "" if count else "dim"
            share = percent(count / stats.examples, digits=1) if count else ""
            title = Cell(kind if place == 0 else "", "dim")
            rows.append([title, Cell(name or "(none)", style), Cell(number(count), style), Cell(share, "dim")])
    columns = [Column("", is_left=True), Column("", is_left=True), Column("examples"), Column("share")]
    return Table(columns, rows)
