"""A run in lines: in the list, its facts, how far its arms are, what is wrong with it."""

from __future__ import annotations

import time

from studio.reports.cells import cells, cut, cut_middle, fit
from studio.reports.forecast import forecast_words, outcome_words
from studio.reports.numbers import duration, loss, number, percent, size
from studio.reports.visible import visible
from studio.runs.state import RunState
from studio.tui.widgets.lines import Line, joined

TROUBLE_LOG_LINES = 6
STATUS_GLYPHS: dict[str, tuple[str, str]] = {
    "starting": ("◌", "warn"),
    "running": ("●", "good"),
    "stalled": ("◍", "warn"),
    "paused": ("‖", "warn"),
    "finished": ("✓", "good"),
    "stopped": ("■", "dim"),
    "failed": ("✗", "bad"),
    "lost": ("?", "bad"),
    "damaged": ("!", "bad"),
}


def status_segment(status: str) -> tuple[str, str]:
    """(glyph and word, style name) of a status."""
    glyph, style = STATUS_GLYPHS[status]
    return f"{glyph} {status}", style


def run_line(state: RunState, width: int, overlay: tuple[str, str] | None = None, place: str = "") -> Line:
    """The run in the list; ``overlay`` is its (glyph, style) on the chart, ``place`` its "2/5" where only one shows."""
    glyph, style = STATUS_GLYPHS[state.status]
    right = _progress(state)
    mark = f" {overlay[0]}" if overlay else "  "
    room = width - 4 - len(right) - len(place) - 1
    return [
        (glyph, style),
        (mark, overlay[1] if overlay else ""),
        (" " + fit(state.title, max(4, room)), "dim" if state.status in ("stopped", "finished") else ""),
        (right, style),
        (f" {place}" if place else "", "dim"),
    ]


def full_title(state: RunState) -> str:
    """Its name and its id, by which verbs and files know it."""
    return f"{state.name} · {state.run_id}" if state.name else state.run_id


def _progress(state: RunState) -> str:
    if state.is_live:
        share = percent(state.step / state.steps) if state.steps else state.status
        return fit(share, 8, "right")
    if state.status == "finished" and state.best_eval_loss is not None:
        return fit(loss(state.best_eval_loss), 8, "right")
    return fit(state.status, 8, "right")


def facts_lines(state: RunState, width: int) -> list[Line]:
    """What is true of a train run right now; the numbers a person decides by come first. Broken between facts."""
    parts: list[tuple[str, str]] = [status_segment(state.status)]
    if state.phase and state.is_live:
        parts.append((f"{state.phase} …{_since(state)}", "warn"))
    if state.steps or state.step:
        parts.append((f"step {number(state.step)} / {number(state.steps)}", ""))
    if state.loss is not None:
        parts.append((f"epoch {state.epoch:.2f}", ""))
        parts.append((f"loss {loss(state.loss)}", "loss"))
    if state.eval_loss is not None:
        parts.append((_evaluation(state), "eval"))
    if state.is_live and state.tokens_per_second:
        parts.append((f"{number(round(state.tokens_per_second))} tok/s", ""))
    if state.is_live and state.eta_seconds is not None:
        parts.append((f"{duration(state.eta_seconds)} left", "bold"))
    elif state.elapsed_seconds:
        parts.append((f"{duration(state.elapsed_seconds)}", "dim"))
    parts += [(fact, "dim") for fact in _resources(state)]
    parts += [(words, "dim") for words in [_forecast(state)] if words]
    note: list[Line] = [[(cut(state.note, width), "dim")]] if state.note else []
    return joined([[part] for part in parts], width) + note


def _resources(state: RunState) -> list[str]:
    """What it takes of the machine: the most memory it held, the cores that worked in the newest step."""
    facts = [size(state.memory_bytes)] if state.memory_bytes else []
    if state.is_live and state.cores:
        facts.append(f"{state.cores:.1f} cores")
    return facts


def _forecast(state: RunState) -> str:
    """Before its first step what it will take; at its end how right that was."""
    return forecast_words(state) if state.is_live and state.step == 0 else outcome_words(state)


def _since(state: RunState) -> str:
    """How long the phase lasts by now; nothing within its first second, or where the run's clock is ahead of ours."""
    seconds = 0 if state.phase_began is None else int(time.time() - state.phase_began)
    return f" {duration(seconds)}" if seconds > 0 else ""


def started_words(run_id: str, forecast: str) -> str:
    """That a run was started, and how long it will take where that is known."""
    return " · ".join(part for part in (f"{run_id} started", forecast, "it goes on when you leave") if part)


def comparison_lines(state: RunState, width: int) -> list[Line]:
    """How far each arm of a comparison is."""
    names = max(13, min(30, width - 36, 1 + max((cells(arm.arm) for arm in state.arms), default=0)))
    bar = max(8, min(40, width - 27 - names))
    lines: list[Line] = []
    for arm in state.arms:
        share = arm.done / arm.total if arm.total else 0.0
        filled = round(share * bar)
        is_done = bool(arm.total) and arm.done >= arm.total
        lines.append(
            [
                ("✓ " if is_done else "  ", "good"),
                (fit(cut_middle(arm.arm, names - 1), names), "title"),
                ("━" * filled, "good" if is_done else "bar"),
                ("─" * (bar - filled), "faint"),
                (f" {number(arm.done)} / {number(arm.total)}", ""),
                (f"  {number(round(arm.tokens_per_second))} tok/s" if arm.tokens_per_second else "", "dim"),
            ]
        )
    return lines


def trouble_lines(state: RunState, log: str) -> list[Line]:
    """What is wrong and the key that helps, where the eye is; empty when all is well."""
    lines: list[Line] = []
    if state.status == "failed":
        lines.append([("✗ failed: ", "limit"), (visible(state.message), "bad")])
        lines += [[("  " + visible(line), "bold")] for line in state.hint.splitlines()]
        lines.append(
            [("  p", "key"), (" tries again from the newest checkpoint · ", "dim"), ("o", "key"), (" log", "dim")]
        )
    elif state.status == "lost":
        lines.append(
            [("? lost: ", "limit"), ("its process ended without a word (killed, or the machine restarted)", "bad")]
        )
        lines.append([("  p", "key"), (" resumes from the newest checkpoint · ", "dim"), ("o", "key"), (" log", "dim")])
        lines += [[("  │ ", "bad"), (visible(line), "dim")] for line in log.splitlines()[-TROUBLE_LOG_LINES:]]
    elif state.status == "damaged":
        lines.append([("! damaged: ", "limit"), (visible(state.message), "bad")])
        lines += [[("  " + visible(line), "dim")] for line in state.hint.splitlines()]
    elif state.status == "stalled":
        lines.append([("◍ no word for minutes, yet its process lives", "warn")])
        lines.append([("  o", "key"), (" log · ", "dim"), ("X", "key"), (" stop", "dim")])
    elif state.status == "paused":
        keys = [("p", "key"), (" goes on · ", "dim"), ("X", "key"), (" stop", "dim")]
        lines.append([("‖ paused, with a checkpoint · ", "dim"), *keys])
    elif state.status == "stopped":
        lines.append([("■ stopped, with a checkpoint · ", "dim"), ("p", "key"), (" goes on", "dim")])
    newest = state.series.warnings[-2:]
    lines += [[(f"▲ step {step}: {visible(message)}", "warn")] for step, message in newest]
    return lines


def _evaluation(state: RunState) -> str:
    text = f"eval {loss(state.eval_loss)}"
    if state.best_step is None:
        return text
    if state.best_eval_loss == state.eval_loss:
        return f"{text} (best)"
    return f"{text} (best {loss(state.best_eval_loss)} at {number(state.best_step)})"
