"""The report of a fine-tune: how it ended, its curves, what it warned of, its hardest rows, and what decides it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from studio.files import JsonObject
from studio.reports.chart import ChartSeries, render_chart, smooth
from studio.reports.document.blocks import Block, Commands, Document, Facts, Figure, Grid, Section
from studio.reports.document.comparison import Provenance
from studio.reports.document.figures import curves
from studio.reports.numbers import counted, duration, loss, number, size
from studio.reports.row_losses import losses_table
from studio.runs.directory import FrozenRow
from studio.runs.row_losses import RowLoss
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState, finite

SMOOTHING = 0.8
HARDEST = 12
CHART_CELLS = (76, 14)


def training_document(
    state: RunState,
    spec: TrainSpec,
    provenance: Provenance,
    hardest: Sequence[RowLoss] = (),
    rows: Mapping[tuple[str, int], FrozenRow] | None = None,
) -> Document:
    """The report of a train run as far as it has come; ``rows`` are the texts of ``hardest`` by split and example."""
    warnings = [(f"step {number(step)}", words) for step, words in state.series.warnings]
    hard: list[Block] = [Grid(losses_table(hardest[:HARDEST], rows or {}))]
    sections = [
        Section("Curves", _figures(state)),
        *([Section("Warnings", [Facts(warnings)])] if warnings else []),
        *([Section("Its hardest rows", hard)] if hardest else []),
        Section("Settings", [Facts(list(spec.typed().items()))]),
        Section("Where the figures come from", [Facts(provenance.facts)]),
        Section("Do it again", [Commands([command_of(spec)])]),
    ]
    lead = _lead(state)
    return Document(
        f"Fine-tune {provenance.title}", lead, _facts(state, spec), sections, _data(state, spec, provenance)
    )


def command_of(spec: TrainSpec) -> str:
    """The command that trains with the same settings, on the rows there are then."""
    defaults = type(spec).settings()
    changed = [f"{name}={value}" for name, value in spec.typed().items() if value != defaults[name][0]]
    return shlex.join(["studio", "train", *(word for setting in changed for word in ("--set", setting)), "--wait"])


def _lead(state: RunState) -> str:
    told = [f"{state.status} after {number(state.step)} of {counted(state.steps, 'step')}"]
    if state.best_eval_loss is not None and state.best_step is not None:
        told.append(f"best loss on validation {loss(state.best_eval_loss)} at step {number(state.best_step)}")
    elif state.loss is not None:
        told.append(f"loss {loss(state.loss)}")
    words = "; ".join(told)
    return f"{words[0].upper()}{words[1:]}.{f' {state.message}' if state.message else ''}"


def _facts(state: RunState, spec: TrainSpec) -> list[tuple[str, str]]:
    return [
        ("base model", spec.base_model),
        ("method", spec.method),
        ("rows", number(state.rows) if state.rows else "not noted"),
        ("trained in", state.dtype or "not noted"),
        ("seed", str(spec.seed)),
        ("took", duration(state.elapsed_seconds)),
        ("most memory", size(state.memory_bytes) if state.memory_bytes else "not noted"),
        *([("note", state.note)] if state.note else []),
    ]


def _figures(state: RunState) -> list[Block]:
    series = state.series
    steps, losses = np.asarray(series.step, dtype=np.float64), np.asarray(series.loss, dtype=np.float64)
    drawn = [
        ChartSeries("loss", steps, losses, style="loss-raw"),
        ChartSeries("smoothed", steps, smooth(losses, SMOOTHING), style="loss"),
        ChartSeries("validation", series.eval_step, series.eval_loss, "points", style="eval"),
    ]
    found: list[Block] = []
    for one, caption in (
        (drawn, "Loss of each step, smoothed, and on validation."),
        ([ChartSeries("", steps, np.asarray(series.learning_rate, dtype=np.float64))], "Learning rate."),
        ([ChartSeries("", steps, np.asarray(series.grad_norm, dtype=np.float64))], "Gradient norm before clipping."),
    ):
        if svg := curves(one, caption, "step"):
            found.append(Figure(caption, svg, str(render_chart(one, *CHART_CELLS)).splitlines()))
    return found


def _data(state: RunState, spec: TrainSpec, provenance: Provenance) -> JsonObject:
    series = state.series
    return {
        "kind": "train",
        "run_id": provenance.run_id,
        "status": str(state.status),
        "steps": state.step,
        "best_eval_loss": finite(state.best_eval_loss),
        "best_step": state.best_step,
        "evaluations": [
            {"step": step, "eval_loss": finite(value)}
            for step, value in zip(series.eval_step, series.eval_loss, strict=True)
        ],
        "losses": {"step": list(series.step), "loss": [finite(value) for value in series.loss]},
        "warnings": [{"step": step, "message": words} for step, words in series.warnings],
        "settings": spec.typed(),
        "provenance": asdict(provenance),
        "commands": [command_of(spec)],
    }
