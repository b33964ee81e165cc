"""One line a run: status by glyph and colour, how far it is, whether it is on the chart."""

from __future__ import annotations

from studio.reports.cells import fit
from studio.reports.numbers import duration, loss, number, percent, size
from studio.runs.watch import RunState
from studio.tui.widgets.lines import Line

STATUS_GLYPHS: dict[str, tuple[str, str]] = {
    "starting": ("◌", "warn"),
    "running": ("●", "good"),
    "stalled": ("◍", "warn"),
    "finished": ("✓", "good"),
    "stopped": ("■", "dim"),
    "failed": ("✗", "bad"),
    "lost": ("?", "bad"),
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
        (" " + fit(state.run_id, max(4, room)), "dim" if state.status in ("stopped", "finished") else ""),
        (right, style),
        (f" {place}" if place else "", "dim"),
    ]


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
        parts.append((state.phase + " …", "warn"))
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
    if state.memory_bytes:
        parts.append((size(state.memory_bytes), "dim"))
    return _joined(parts, width)


def comparison_lines(state: RunState, width: int) -> list[Line]:
    """How far each arm of a comparison is."""
    bar = max(8, min(40, width - 40))
    lines: list[Line] = []
    for arm in state.arms:
        share = arm.done / arm.total if arm.total else 0.0
        filled = round(share * bar)
        is_done = bool(arm.total) and arm.done >= arm.total
        lines.append(
            [
                ("✓ " if is_done else "  ", "good"),
                (fit(arm.arm.replace("_", " "), 13), "title"),
                ("━" * filled, "good" if is_done else "bar"),
                ("─" * (bar - filled), "faint"),
                (f" {number(arm.done)} / {number(arm.total)}", ""),
                (f"  {number(round(arm.tokens_per_second))} tok/s" if arm.tokens_per_second else "", "dim"),
            ]
        )
    return lines


def _evaluation(state: RunState) -> str:
    text = f"eval {loss(state.eval_loss)}"
    if state.best_step is None:
        return text
    if state.best_eval_loss == state.eval_loss:
        return f"{text} (best)"
    return f"{text} (best {loss(state.best_eval_loss)} at {number(state.best_step)})"


def _joined(parts: list[tuple[str, str]], width: int) -> list[Line]:
    lines: list[Line] = [[]]
    room = width
    for text, style in parts:
        if lines[-1] and len(text) + 3 > room:
            lines.append([])
            room = width
        if lines[-1]:
            lines[-1].append((" · ", "faint"))
            room -= 3
        lines[-1].append((text, style))
        room -= len(text)
    return lines
