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
from studio.errors import StudioError
from studio.models.finding import resolve_model
from studio.project import MOST_MAX_LENGTH
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.reports.window import WindowReport
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import FATES, Fate
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
        store, model, max_length = self.store, self._model, self.session.max_length

        def check_known() -> tuple[WindowReport, int]:
            report = check_window(store, model, max_length, SHOTS, is_cancelled=lambda: True)
            return report, store.uncounted_total(model.fingerprint)

        self.ask("window", check_known, self._known)

    def _find(self, name: str, noun: str, then: Callable[[str, ModelFolder, int], None]) -> None:
        """Look for a model in a thread; ``then`` is called with its name, folder and context window."""

        def find() -> tuple[ModelFolder, int]:
            model = resolve_model(name, self.project.settings().trusted_models)
            return model, model.context_window

        self.ask(noun, find, lambda found: then(name, *found))

    def _take_model(self, name: str, model: ModelFolder, window: int) -> None:
        self._model, self._model_name = model, name
        self.check()

    def _try_model(self, name: str, model: ModelFolder, window: int) -> None:
        """A model that was named here: taken once it is known to be there, with a max_length that it can have."""
        self.query_one(PromptBar).leave()
        self.session.try_model(name)
        before = self.session.max_length
        if self.session.try_max_length(before, window) != before:
            self.say(f"max_length {number(before)} is now {number(window)}, the context window of {name}", "warning")
        self._report = None
        self._take_model(name, model, window)

    def _known(self, answer: tuple[WindowReport, int]) -> None:
        report, uncounted = answer
        if report.n or not uncounted:
            self._show_report(report)
        if uncounted and self.store is not None:
            self.on_tokens_counted(TokensCounted(0, uncounted))
            stop, store, model, max_length = self._stop, self.store, self._model, report.max_length
            assert model is not None
            progress = partial(self._progressed, stop)

            def check_rest() -> WindowReport:
                return check_window(store, model, max_length, SHOTS, progress, stop.is_set, gives_way=True)

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
        max_length = self.session.max_length if report is None else report.max_length
        window = "" if report is None else f" of {number(report.context_window)}"
        title = f"tokens per example · max_length {number(max_length)}{window} · {name}"
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
        facts = {"median": report.median, "p95": report.p95, "max": report.max, "n": report.n}
        lengths.border_subtitle = " · ".join(f"{name} {number(value)}" for name, value in facts.items())
        self.query_one(HistogramView).show(report.total_tokens, report.max_length)
        fates = self.query_one("#fates", RowList)
        fates.show(len(FATES), lambda index, width: fate_line(report, FATES[index], width))
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
        fate = FATES[message.index]
        if not report.fates[fate]:
            self.say(f"no row has the fate {fate.value}")
            return
        self.post_message(
            ExamplesRequested(self._ids_of(report, fate), f"{fate.value} at max_length {report.max_length}")
        )

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
        set_to = self.session.try_max_length(max_length, self._model.context_window if self._model else None)
        self.say(f"max_length {number(set_to)}, for new runs too · to keep it: max_length = {set_to} in studio.toml")
        self.check()

    def action_set_max_length(self) -> None:
        self.query_one(PromptBar).ask("max_length", "max_length", str(self.session.max_length), hint="tokens")

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
        most = self._model.context_window if self._model else MOST_MAX_LENGTH
        tokens = int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else None
        if tokens is None or tokens < LEAST_MAX_LENGTH:
            prompt.refuse(f"{text[:_MOST_DIGITS]!r}: a whole number from {LEAST_MAX_LENGTH} on is needed")
        elif tokens > most:
            prompt.refuse(f"{number(tokens)}: the context window has {number(most)}")
        else:
            prompt.leave()
            self._set_max_length(tokens)


def step_of(max_length: int) -> int:
    """How far ``+`` and ``-`` go: an eighth to a quarter of where one is, as a round number."""
    return max(8, 1 << max(0, max_length.bit_length() - 3))
