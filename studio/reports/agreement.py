"""How far people agree, as tables: two by two, and the rows on which they do not, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from studio.reports.numbers import number, percent
from studio.reports.table import Cell, Column, Table
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.scoring.agreement import PairAgreement


def pairs_table(pairs: Sequence[PairAgreement]) -> Table:
    """Every two people: the rows that both have labelled, on how many they agree, Cohen's κ."""
    rows = [
        [
            Cell(visible(pair.one, single_line=True)),
            Cell(visible(pair.other, single_line=True)),
            Cell(number(pair.rows)),
            Cell(percent(pair.percent, digits=1)),
            Cell(coefficient(pair.kappa)),
        ]
        for pair in pairs
    ]
    columns = [Column("", is_left=True), Column("", is_left=True), Column("both"), Column("agree"), Column("Cohen's κ")]
    return Table(columns, rows)


def disagreements_table(disagreed: Mapping[int, Mapping[str, str]], people: Sequence[str]) -> Table:
    """A row a line, a person a column."""
    rows = [
        [Cell(str(row)), *(Cell(said.get(name, ""), said.get(name, "")) for name in people)]
        for row, said in disagreed.items()
    ]
    names = [Column(visible(name, single_line=True), is_left=True) for name in people]
    return Table([Column("row"), *names], rows)


def side_by_side(said: Mapping[str, str]) -> str:
    """``anna accept · bo reject``."""
    return " · ".join(f"{name} {label}" for name, label in said.items())


def coefficient(value: float | None) -> str:
    """A coefficient of agreement; a dash where none can be told."""
    return "–" if value is None else f"{value:.3f}"
