"""Runs as a table: how far each is, how well it does, what is said of it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.reports.cells import cut
from studio.reports.numbers import NOTHING, duration, loss, number
from studio.reports.rows import Shortened
from studio.reports.table import Cell, Column, Table
from studio.runs.state import RunState

WIDEST_NAME = 24
_LEAST_WORDS, _MOST_WORDS = 16, 60


def runs_table(states: Sequence[RunState]) -> Table:
    """A run a line, what went wrong with one below. Names and words are columns where a run has them."""
    columns = [
        Column("run", is_left=True),
        Column("name", is_left=True),
        Column("kind", is_left=True),
        Column("status", is_left=True),
        Column("done"),
        Column("loss"),
        Column("eval"),
        Column("tok/s"),
        Column("time"),
        Column("", is_left=True, least=_LEAST_WORDS, most=_MOST_WORDS),
    ]
    name, kind, done, training_loss, evaluation, speed, time, words = 1, 2, 4, 5, 6, 7, 8, 9
    unused = [
        *([name] if not any(state.name for state in states) else []),
        *([words] if not any(map(_words, states)) else []),
    ]
    cuts = [(kind,), (speed,), (training_loss,), (done,), (time,), (words,), (evaluation,)]
    shown = [index for index in range(len(columns)) if index not in unused]
    return Table(
        [columns[index] for index in shown],
        [[_cells(state)[index] for index in shown] for state in states],
        notes=[f"{state.title}: {state.message}" for state in states if state.message],
        cuts=[tuple(shown.index(index) for index in cut if index in shown) for cut in cuts],
    )


def _cells(state: RunState) -> list[Cell]:
    return [
        Cell(state.run_id),
        Cell(cut(state.name, WIDEST_NAME)),
        Cell(state.kind),
        Cell(state.status),
        Cell(f"{number(state.step)} / {number(state.steps)}" if state.steps else NOTHING),
        Cell(loss(state.loss)),
        Cell(loss(state.eval_loss)),
        Cell(number(state.tokens_per_second)),
        Cell(_time(state)),
        Cell("", drawing=Shortened(_words(state))),
    ]


def _time(state: RunState) -> str:
    if state.eta_seconds is not None:
        return f"{duration(state.eta_seconds)} left"
    return duration(state.elapsed_seconds) if state.elapsed_seconds else NOTHING


def _words(state: RunState) -> str:
    """What it does now, and its note."""
    return " · ".join(part for part in (state.phase, state.note) if part)
