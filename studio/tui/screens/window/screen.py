"""Window: does the data fit, and what would prompting with examples cost instead?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from studio.acts.window import check_window
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.models.finding import resolve_model
from studio.project import MOST_MAX_LENGTH
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.reports.window import WindowReport, lengths_sentence
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import Fate
from studio.tui import actions, styles
from studio.tui.messages import ExamplesRequested, LineEntered, LineLeft, TokensCounted
from studio.tui.screens.list_screen import ListScreen
from studio.tui.screens.window.histogram_view import HistogramView
from studio.tui.screens.window.lines import fate_line, longest_line, progress_lines, shot_lines
from studio.tui.session import LEAST_MAX_LENGTH
from studio.tui.widgets.lines import LinesView
from studio.tui.widgets.prompt_bar import PromptBar
from studio.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds

SHOTS = (0, 1, 2, 5, 10)
_MOST_DIGITS = 20


class WindowScreen(ListScreen):
    """Token lengths against max_length and the context window. Counting runs in a thread; Esc stops it."""

    NAME = "Window"
    MAIN_LIST = "#fates"
    BINDINGS = actions.bindings_for("Window")
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (72, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own way
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012
    DEFAULT_CSS = """
    WindowScreen #lengths { height: 1fr; }
    WindowScreen #lengths LinesView { display: none; margin: 1 2; }
    WindowScreen #lengths.-words LinesView { display: block; }
    WindowScreen #lengths.-words HistogramView { display: none; }
    WindowScreen #lengths Horizontal { height: 1fr; }
    WindowScreen #lengths HistogramView { width: 1fr; }
    WindowScreen #target-tokens { display: none; }
    WindowScreen #lengths.-apart #target-tokens { display: block; }
    WindowScreen #lengths.-apart .side { display: block; width: 8; margin: 0; }
    WindowScreen #lengths.-words Horizontal { display: none; }
    WindowScreen #below { height: 14; }
    WindowScreen.-narrow #below { height: 12; }
    WindowScreen #fates { height: 6; }
    WindowScreen #longest { height: 1fr; }
    WindowScreen #shots { width: 1fr; height: 1fr; }
    WindowScreen.-narrow #rows { width: 44; }
    WindowScreen.-slim #below { height: 22; layout: vertical; }
    WindowScreen.-slim #rows { height: 10; }
    WindowScreen.-slim #shots { height: 12; }
    WindowScreen.-low #below { height: 6; }
    WindowScreen.-low #rows { height: 6; }
    WindowScreen.-low.-slim #shots { display: none; }
    WindowScreen.-low #longest { display: none; }
    WindowScreen.-low #lengths LinesView { margin: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._model: ModelFolder | None = None
        self._model_name = ""
        self._report: WindowReport | None = None
        self._stop = threading.Event()
        self._is_stale = True

    def body(self) -> Iterable[Widget]:
        with Vertical(id="lengths", classes="panel"):
            for name in ("source", "target"):
                with Horizontal(id=f"{name}-tokens"):
                    yield LinesView(id=name, classes="side")
                    yield HistogramView()
            yield LinesView(id="words")
        with Horizontal(id="below"):
            with Vertical(id="rows"):
                yield self._list("fates", "what becomes of every row")
                yield self._list("longest", "the longest rows")
            shots = LinesView(id="shots", classes="panel")
            shots.border_title = "examples in the prompt instead"
            yield shots

    def above_status(self) -> Iterable[Widget]:
        yield PromptBar()

    @staticmethod
    def _list(name: str, title: str) -> RowList:
        rows = RowList(id=name, classes="panel")
        rows.border_title = styles.title(visible(title))
        return rows

    def on_mount(self) -> None:
        self.check()

    def on_screen_resume(self) -> None:
        if self._is_stale:
            self.check()

    def on_store_opened(self) -> None:
        self.check()

    def take_changes(self, example_ids: Sequence[int] | ExampleIds) -> None:
        if self.is_current:
            self.check()
        else:
            self._is_stale = True

    # -- counting

    def check(self) -> None:
        """Show what is counted already at once, then count the rest."""
        self._say_title()
        if self.store is None:
            closed = self.session.store_closed
            self._show_words(
                [[("The store is not open.", "title")], [(closed.reason if closed else "opening …", "dim")]]
            )
            return
        self._is_stale = False
        self._stop.set()  # an older count, should one be under way, writes what it has and ends
        self._stop = threading.Event()
        if self._model is None:
            self._find(self.session.base_model, "window", self._take_model)
            return
        store, model, lengths = self.store, self._model, (self.session.max_length, self.session.max_target_length)

        def check_known() -> tuple[WindowReport, int]:
            report = _checked(store, model, lengths, is_cancelled=lambda: True)
            return report, store.uncounted_total(model.fingerprint)

        self.ask("window", check_known, self._known)

    def _find(self, name: str, noun: str, then: Callable[[str, ModelFolder], None]) -> None:
        """Look for a model in a thread; ``then`` is called with its name and its folder, whose window is known."""

        def find() -> tuple[ModelFolder]:
            model = resolve_model(name, self.project.settings().trusted_models)
            _ = model.window
            return (model,)

        self.ask(noun, find, lambda found: then(name, *found))

    def _take_model(self, name: str, model: ModelFolder) -> None:
        self._model, self._model_name = model, name
        self.check()

    def _try_model(self, name: str, model: ModelFolder) -> None:
        """A model that was named here: taken once it is known to be there, with a max_length that it can have."""
        self.query_one(PromptBar).leave()
        self.session.try_model(name)
        before = self.session.max_length
        if (now := self.session.try_max_length(before, model.window.most)) != before:
            self.say(f"max_length {number(before)} is now {number(now)}, the context window of {name}", "warning")
        self._report = None
        self._take_model(name, model)

    def _known(self, answer: tuple[WindowReport, int]) -> None:
        report, uncounted = answer
        if report.n or not uncounted:
            self._show_report(report)
        if uncounted and self.store is not None:
            self.on_tokens_counted(TokensCounted(0, uncounted))
            stop, store, model = self._stop, self.store, self._model
            lengths = report.budget.max_length, report.budget.target or 0
            assert model is not None
            progress = partial(self._progressed, stop)

            def check_rest() -> WindowReport:
                return _checked(store, model, lengths, progress, stop.is_set, gives_way=True)

            self.ask("window", check_rest, self._counted)

    def _progressed(self, stop: threading.Event, done: int, total: int) -> None:
        if not stop.is_set():
            self.post_message(TokensCounted(done, total))

    def _counted(self, report: WindowReport) -> None:
        self._show_report(report)
        if self._stop.is_set():
            self.say(f"stopped with {counted(report.n, 'row')} counted · r goes on", "warning")
        else:
            self.say(f"{counted(report.n, 'row')} counted; only changed rows are counted the next time")

    def on_tokens_counted(self, message: TokensCounted) -> None:
        if self._report is None or not self._report.n:
            width = self.query_one("#lengths").content_size.width
            self._show_words(progress_lines(message.done, message.total, width))
        else:
            self.say(f"counting tokens: {number(message.done)} of {number(message.total)} · esc stops")

    def on_failed(self, noun: str, error: Exception) -> None:
        if isinstance(error, StudioError) and noun == "model":
            self.query_one(PromptBar).refuse("✗ mend it, or esc leaves")
        elif isinstance(error, StudioError) and self._report is None:
            ways = [("b", " names another model"), ("r", " tries again")]
            if self._model is not None:
                ways.insert(1, ("m", " sets another max_length"))
            line = [part for key, does in ways for part in ((key, "key"), (does, "dim"), (" · ", "dim"))]
            self._show_words([[("✗ ", "bad"), (error.message, "bad")], [(error.hint, "bold")], [("", "")], line[:-1]])
        super().on_failed(noun, error)

    # -- showing

    def _show_words(self, lines: list[list[tuple[str, str]]]) -> None:
        """Words in the place of the histogram, and no figures beside them: those would be another model's."""
        lengths = self.query_one("#lengths")
        lengths.add_class("-words")
        lengths.border_subtitle = ""
        self.query_one("#words", LinesView).show(lines)
        for rows in self.query(RowList):
            rows.show(0, lambda index, width: [])
            rows.border_subtitle = ""
        shots = self.query_one("#shots", LinesView)
        shots.show([])
        shots.border_subtitle = ""

    def _say_title(self) -> None:
        """Of what is shown: a max_length that was tried and failed stands on the status line, not here."""
        report, name = self._report, self._model_name or self.session.base_model
        if report is None:
            limits = f"max_length {number(self.session.max_length)}"
        elif report.window.is_shared:
            limits = f"{report.limits} of {number(report.window.tokens)}"
        else:
            kind = "of" if report.window.is_hard else "trained at"
            sides = " · ".join(f"{side.name} {number(side.limit)}" for side in report.sides)
            limits = f"{sides} · {kind} {number(report.window.tokens)} a side"
        title = f"tokens per example · {limits} · {name}"
        self.query_one("#lengths").border_title = styles.title(visible(title))

    def _show_report(self, report: WindowReport) -> None:
        self._report = report
        self._say_title()
        lengths = self.query_one("#lengths")
        if not report.n:
            self._show_words(
                [
                    [("No examples yet.", "title")],
                    [("F2", "key"), (" Data, then ", ""), ("I", "key"), (" imports a file", "")],
                ]
            )
            return
        lengths.remove_class("-words")
        lengths.border_subtitle = lengths_sentence(report)
        lengths.set_class(len(report.sides) > 1, "-apart")
        for view, side in zip(self.query(HistogramView), report.sides, strict=False):
            view.show(side.tokens, side.limit)
        for name in ("source", "target"):
            self.query_one(f"#{name}", LinesView).show([[(name, "dim")]])
        fates, possible = self.query_one("#fates", RowList), list(report.fates)
        fates.show(len(possible), lambda index, width: fate_line(report, possible[index], width))
        fates.border_subtitle = "enter: these rows in Data"
        longest = self.query_one("#longest", RowList)
        longest.show(len(report.longest), lambda index, width: longest_line(report, index, width))
        shots = self.query_one("#shots", LinesView)
        shots.show(shot_lines(report, shots.content_size.width))
        shots.border_subtitle = "fine-tuned: as 0 shots"

    def on_resize(self) -> None:
        if self._report is not None:
            self.call_after_refresh(self._show_report, self._report)

    # -- keys

    def action_enter(self) -> None:
        self.row_list.choose()

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        report = self._report
        if report is None:
            return
        if message.row_list.id == "longest":
            ids = [example_id for example_id, _ in report.longest]
            self.post_message(ExamplesRequested(ids, f"longest rows · {self._model_name}"))
            return
        fate = list(report.fates)[message.index]
        if not report.fates[fate]:
            self.say(f"no row has the fate {fate.value}")
            return
        self.post_message(ExamplesRequested(self._ids_of(report, fate), f"{fate.value} at {report.limits}"))

    def _ids_of(self, report: WindowReport, fate: Fate) -> list[int]:
        if fate is not Fate.WHOLE:
            return [int(example_id) for example_id in report.fate_ids[fate]]
        assert self.store is not None
        not_whole = np.concatenate(list(report.fate_ids.values()))
        return [int(example_id) for example_id in np.setdiff1d(self.store.view_ids(), not_whole)]

    def action_back(self) -> None:
        prompt = self.query_one(PromptBar)
        if prompt.is_open:
            self.forget("model")
            prompt.leave()
        elif self.is_asking("window"):
            self._stop.set()

    def action_check(self) -> None:
        self.check()

    def action_longer(self) -> None:
        self._set_max_length(self.session.max_length + step_of(self.session.max_length))

    def action_shorter(self) -> None:
        self._set_max_length(self.session.max_length - step_of(self.session.max_length - 1))

    def _set_max_length(self, max_length: int) -> None:
        set_to = self.session.try_max_length(max_length, self._model.window.most if self._model else None)
        target = self.session.max_target_length
        also = f", max_target_length {number(target)}" if target else ""
        self.say(
            f"max_length {number(set_to)}{also}, for new runs too · to keep it: max_length = {set_to} in studio.toml"
        )
        self.check()

    def action_set_max_length(self) -> None:
        target = self.session.max_target_length
        text = f"{self.session.max_length}/{target}" if target else str(self.session.max_length)
        hint = "tokens of the source, or source/target" if self._has_two_sides else "tokens"
        self.query_one(PromptBar).ask("max_length", "max_length", text, hint=hint)

    @property
    def _has_two_sides(self) -> bool:
        """Whether source and target of the model's rows have a budget each."""
        return self._model is not None and not self._model.window.is_shared

    def action_set_model(self) -> None:
        self.query_one(PromptBar).ask(
            "model", "model", self.session.base_model, hint="a cached name, a folder or org/name"
        )

    def on_line_left(self, message: LineLeft) -> None:
        message.stop()
        self.query_one("#fates").focus()

    def on_line_entered(self, message: LineEntered) -> None:
        message.stop()
        prompt, text = self.query_one(PromptBar), message.text.strip()
        if message.kind == "model":
            if text:
                self.say(f"looking for {text} …")
                self._find(text, "model", self._try_model)
            else:
                prompt.refuse("name a model")
            return
        source, slash, target = text.partition("/")
        lengths = [_tokens_in(source), *([_tokens_in(target)] if slash else [])]
        most = (self._model.window.most if self._model else None) or MOST_MAX_LENGTH
        if slash and not self._has_two_sides:
            prompt.refuse("in this model prompt and completion share max_length: one number")
        elif (too_few := min(lengths)) < LEAST_MAX_LENGTH:
            wrong = source if lengths[0] == too_few else target
            prompt.refuse(f"{wrong[:_MOST_DIGITS]!r}: a whole number from {LEAST_MAX_LENGTH} on is needed")
        elif max(lengths) > most:
            prompt.refuse(f"{number(max(lengths))}: the context window has {number(most)}")
        else:
            prompt.leave()
            self.session.max_target_length = lengths[1] if slash else 0
            self._set_max_length(lengths[0])


def _tokens_in(text: str) -> int:
    """The number that was typed; -1 where it is none."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else -1


def _checked(
    store: Store,
    model: ModelFolder,
    lengths: tuple[int, int],
    progress: Callable[[int, int], None] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    gives_way: bool = False,
) -> WindowReport:
    """The report at these lengths, (max_length, max_target_length)."""
    max_length, max_target_length = lengths
    return check_window(
        store,
        model,
        max_length,
        SHOTS,
        progress,
        is_cancelled,
        max_target_length=max_target_length,
        gives_way=gives_way,
    )


def step_of(max_length: int) -> int:
    """How far ``+`` and ``-`` go: an eighth to a quarter of where one is, as a round number."""
    return max(8, 1 << max(0, max_length.bit_length() - 3))
