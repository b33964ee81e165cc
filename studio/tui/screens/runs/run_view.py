"""One run, large: facts, what is wrong with it, the loss chart, what goes with it, the log's tail."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message

from studio.reports.cells import cut
from studio.reports.chart import PATTERN_SIGNS
from studio.reports.mixture import task_word
from studio.reports.numbers import learning_rate, loss, number
from studio.reports.samples import sample_lines
from studio.reports.visible import visible
from studio.runs.samples import Sampled
from studio.runs.settings import Spec
from studio.runs.state import RunState
from studio.tui.screens.runs.chart_view import ChartView
from studio.tui.screens.runs.curves import (
    POINT_GLYPHS,
    ChartChoice,
    best_x,
    border_marks,
    curve_names,
    loss_series,
    overlay_glyph,
    overlay_pattern,
    overlay_style,
    read_out,
    seen_range,
    side_series,
    tasks_drawn,
)
from studio.tui.screens.runs.shelf import Curves, Shelf, read_curves
from studio.tui.screens.runs.sight import Sight
from studio.tui.screens.runs.tasks import TaskChoice
from studio.tui.widgets.lines import Line, LinesView, entitle, joined
from studio.tui.widgets.run_lines import comparison_lines, facts_lines, full_title, trouble_lines

NO_SAMPLES: list[Line] = [
    [
        ("No answers yet. ", ""),
        ("samples=3", "key"),
        (" of a new run asks for some at each evaluation.", "dim"),
    ]
]
SIDES_EVERY_SECONDS = 2.0  # the small charts of a live run: they are looked at, the loss is watched
LONGEST_TASK = 24
ROOM_FOR_WORDS = 70  # cells in which the whole legend is one line
SIDE_NAMES = ("learning rate", "gradient norm", "tokens/s")


@dataclasses.dataclass(frozen=True)
class RunShown:
    """What a RunView draws. ``crosshair`` is an index into the run's steps, None for off."""

    state: RunState
    choice: ChartChoice
    overlaid: tuple[RunState, ...] = ()
    crosshair: int | None = None
    log: str = ""


@dataclasses.dataclass
class CurvesWanted(Message):
    """``put`` wants, in the screen's own time, what ``read`` makes in a thread."""

    read: Callable[[], Curves]
    put: Callable[[Curves], None]


class RunView(Vertical):
    """Gets data by ``show``."""

    DEFAULT_CSS = """
    RunView { width: 1fr; height: 1fr; }
    RunView #facts { height: auto; max-height: 2; }
    RunView #trouble { height: auto; max-height: 50%; }
    RunView #loss { height: 1fr; min-height: 5; }
    RunView #legend { height: auto; max-height: 2; }
    RunView #sides { height: 8; }
    RunView #sides ChartView { width: 1fr; border: round $studio-faint; border-title-color: $studio-label;
        border-subtitle-color: $studio-label; }
    RunView #log-panel { height: 45%; border-top: solid $studio-faint; border-title-color: $text-primary; }
    RunView.has-log #sides { display: none; }
    RunView .hidden { display: none; }
    """

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self._drawn: object = None
        self._drawn_run = ""
        self._shelf = Shelf()
        self._sides_of: object = None
        self._sides_at = 0.0
        self._shown: RunShown | None = None

    def compose(self) -> ComposeResult:
        yield LinesView(id="facts")
        yield LinesView(id="trouble")
        yield ChartView(id="loss")
        yield LinesView(id="legend")
        with Horizontal(id="sides"):
            for name in SIDE_NAMES:
                yield ChartView(id=name.replace(" ", "-").replace("/", "-"))
        with VerticalScroll(id="log-panel", classes="hidden", can_focus=False):
            yield LinesView(id="log")

    def on_resize(self) -> None:
        """Facts and legend are broken by the width, which is known only now."""
        if self._shown is not None:
            self.show_facts(self._shown.state)
            self._show_legend(self._shown)

    def show(self, shown: RunShown) -> None:
        self._shown, state = shown, shown.state
        entitle(self, full_title(state), _subtitle(state))
        self.show_facts(state)
        self.query_one("#trouble", LinesView).show(trouble_lines(state, shown.log))
        if state.kind == "compare":
            self._show_comparison(state)
        else:
            self._show_charts(shown)

    def show_facts(self, state: RunState) -> None:
        """Its facts as they are this second."""
        self.query_one("#facts", LinesView).show(facts_lines(state, self.content_size.width or 80))

    def _show_legend(self, shown: RunShown) -> None:
        if shown.state.kind != "compare":
            self.query_one("#legend", LinesView).show(_legend(shown, self._shelf, self.content_size.width or 80))

    def show_panel(self, name: str, state: RunState, log: str, samples: Sequence[Sampled] = ()) -> None:
        """The lower panel: ``"log"``, ``"settings"``, ``"samples"`` or ``""`` to close it."""
        if name == "log":
            lines: list[Line] = [[(visible(line), "dim")] for line in log.splitlines()]
            self._show_lower("output.log · o closes", lines or [[("nothing was said yet", "dim")]])
        elif name == "samples":
            found = sample_lines(samples) if samples else NO_SAMPLES
            self._show_lower("what it answers · i closes", found, hang=12, follows=False)
        elif name == "settings":
            lines = setting_lines(state.spec)
            hang = len(lines[0][0][0]) if len(lines) > 1 else 0
            self._show_lower("settings · enter closes", lines, hang=hang, follows=False)
        else:
            self._show_lower("", None)

    def _show_lower(self, title: str, lines: Iterable[Line] | None, *, hang: int = 0, follows: bool = True) -> None:
        """``follows`` keeps the end in sight as it grows; ``hang`` is where a line goes on in the next."""
        panel = self.query_one("#log-panel", VerticalScroll)
        panel.set_class(lines is None, "hidden")
        self.set_class(lines is not None, "has-log")
        if lines is None:
            return
        panel.border_title = title
        is_at_end = follows and panel.scroll_y >= panel.max_scroll_y - 1
        self.query_one("#log", LinesView).show(list(lines), hang)
        if is_at_end:
            panel.scroll_end(animate=False)

    @property
    def chart_columns(self) -> int:
        return max(1, self.query_one("#loss", ChartView).content_size.width)

    def _show_comparison(self, state: RunState) -> None:
        self._set_charts_hidden(True)
        lines = comparison_lines(state, self.content_size.width)
        hint: Line = [("enter", "key"), (" opens it in Compare", "dim")]
        self.query_one("#legend", LinesView).show([*lines, [("", "")], hint])
        self._drawn = None

    def _show_charts(self, shown: RunShown) -> None:
        self._set_charts_hidden(False)
        state, choice = shown.state, shown.choice
        if self._asks_for_curves(shown):
            return
        x = self._shelf.x(state, choice.x_axis)
        at = None if shown.crosshair is None or not len(x) else float(x[min(shown.crosshair, len(x) - 1)])
        self._shelf.keep_only([state.run_id, *(other.run_id for other in shown.overlaid)], choice.weight)
        self._show_legend(shown)
        losses, others = state.series, tuple(map(id, shown.overlaid))
        lengths = len(x), len(losses.eval_step), len(losses.warnings)
        key = (id(losses), lengths, state.run_id, choice, at, others)
        if key == self._drawn:
            return
        self._drawn, self._drawn_run = key, state.run_id
        self.query_one("#loss", ChartView).show(
            loss_series(state, choice, shown.overlaid, self._shelf),
            x_label=choice.x_axis,
            log_y=choice.log_y,
            marker_x=best_x(state, choice.x_axis) if at is None else at,
            marker_label="best" if at is None else "",
            nothing="no step has been made yet" if state.is_live else "no step was made",
            marks=border_marks(state, choice, self._shelf),
            x_range=seen_range(state, choice, self._shelf),
        )
        is_same_view = self._sides_of == key[2:] and state.is_live
        if is_same_view and time.monotonic() - self._sides_at < SIDES_EVERY_SECONDS:
            return
        self._sides_of, self._sides_at = key[2:], time.monotonic()
        sides = side_series(state, choice, self._shelf)
        for (name, side_curve), value in zip(sides.items(), _newest(state), strict=True):
            side = self.query_one("#" + name.replace(" ", "-").replace("/", "-"), ChartView)
            entitle(side, name, value)
            side.show([side_curve], x_label=choice.x_axis, marker_x=at, x_range=seen_range(state, choice, self._shelf))

    def _asks_for_curves(self, shown: RunShown) -> bool:
        """Whether a frame would have to take in more than keys can wait for; then a thread does, and it is drawn after.

        The chart keeps what it shows meanwhile, unless that is another run.
        """
        states = (shown.state, *shown.overlaid)
        unread = [(state, self._shelf.unread(state, curve_names(state, shown.choice))) for state in states]
        if not any(names for _, names in unread):
            return False

        def read() -> Curves:
            return {name: curve for state, names in unread for name, curve in read_curves(state, names).items()}

        def put(curves: Curves) -> None:
            self._shelf.put(curves)
            if self._shown is not None:
                self.show(self._shown)

        self.post_message(CurvesWanted(read, put))
        if self._drawn_run != shown.state.run_id:
            self._drawn, steps = None, number(len(shown.state.series.step))
            self.query_one("#loss", ChartView).show([], nothing=f"reading {steps} steps …")
        return True

    def _set_charts_hidden(self, is_hidden: bool) -> None:
        self.query_one("#loss").set_class(is_hidden, "hidden")
        self.query_one("#sides").set_class(is_hidden, "hidden")
        self.query_one("#legend").styles.max_height = 12 if is_hidden else 2


def setting_lines(spec: Spec | None) -> list[Line]:
    """What the run was asked to do, one setting a line."""
    if spec is None:
        return [[("spec.json cannot be read", "bad")]]
    names = [field.name for field in dataclasses.fields(spec)]
    width = max(len(name) for name in names)
    about = spec.fields()
    return [
        [(f"{name:<{width}}  ", "dim"), (visible(_shown(getattr(spec, name))), ""), (f"  {about[name]}", "dim")]
        for name in names
    ]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "all"
    return str(value) or "–"


def _legend(shown: RunShown, shelf: Shelf, width: int) -> list[Line]:
    """What the glyphs and lines of the chart are; under the crosshair instead what it stands on."""
    if shown.crosshair is not None and shown.state.series.step:
        return [[("┃ ", "key"), (read_out(shown.state, shown.crosshair, shown.choice, shelf), "")]]
    choice = shown.choice
    part = _part_words(shown)
    is_terse = width < ROOM_FOR_WORDS
    losses: Line = [("━ ", "loss"), ("loss" if part or is_terse else "training loss", "loss")]
    if choice.weight:
        losses.append((f", smoothed {choice.weight:g}", "dim"))
    parts = [losses]
    if choice.weight and not shown.overlaid:
        parts.append([("━ ", "loss-raw"), ("raw", "dim")])
    if shown.state.series.eval_step:
        parts += _evaluation_legend(choice.tasks)
    axes = "" if is_terse else f"x: {choice.x_axis}"  # which stands at the axis too
    if axes := (axes + (" · log" if choice.log_y else "") + part).removeprefix(" · "):
        parts.append([(axes, "dim")])
    parts += _task_legend(shown)
    for place, other in enumerate(shown.overlaid, start=1):
        sign = PATTERN_SIGNS[overlay_pattern(place)]
        parts.append([(f"{overlay_glyph(place)}{sign} {cut(other.title, 30)}", overlay_style(place))])
    return joined(parts, width, "  ")


def _evaluation_legend(tasks: TaskChoice) -> list[Line]:
    glyph = (f"{POINT_GLYPHS[0]} ", "eval")
    if tasks.only is not None:
        return [[glyph, (cut(f"evaluation of {task_word(tasks.only)}", 2 * LONGEST_TASK), "eval")]]
    return [[glyph, ("evaluation", "eval")], [("★ ", "best"), ("best", "dim")]]


def _task_legend(shown: RunShown) -> list[Line]:
    drawn = tasks_drawn(shown.state, shown.choice, shown.overlaid)
    parts: list[Line] = [[(f"{one.glyph} {cut(task_word(one.task), LONGEST_TASK)}", one.style)] for one in drawn]
    more = len(shown.state.series.task_losses) - len(drawn)
    return [*parts, [(f"and {more} more", "dim")]] if drawn and more else parts


def _part_words(shown: RunShown) -> str:
    """Which part of the steps is in sight, where it is not all of them."""
    steps = shown.state.series.step
    if shown.choice.sight == Sight() or not steps:
        return ""
    first, last = shown.choice.sight.part(len(steps))
    return f" · steps {number(steps[first])} to {number(steps[last])}"


def _newest(state: RunState) -> Sequence[str]:
    speed = state.tokens_per_second
    return learning_rate(state.learning_rate), loss(state.grad_norm), "–" if speed is None else f"{speed:,.0f}"


def _subtitle(state: RunState) -> str:
    spec = state.spec
    parts = [getattr(spec, "base_model", ""), getattr(spec, "method", ""), state.dtype]
    if state.rows:
        parts.append(f"{state.rows:,} rows")
    return " · ".join(part for part in parts if part)
