"""The app: which screens there are, the store opened behind the first frame, and where every error is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from rich.color import ColorSystem
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.filter import LineFilter
from textual.screen import Screen
from textual.worker import get_current_worker

from studio.errors import StoreHeld, StudioError
from studio.project import Project
from studio.reports.console import VisibleConsole
from studio.reports.glyphs import is_ascii_only
from studio.reports.stepping import stepped
from studio.reports.visible import visible
from studio.tui import actions, themes
from studio.tui.alt_keys import keep_alt_digits, without_letter
from studio.tui.frame import Frame
from studio.tui.gate import AsciiLines, VisibleLines
from studio.tui.hangup import leave_with_terminal, refuse_without_terminal
from studio.tui.messages import (
    ComparisonRequested,
    ExamplesChanged,
    ExamplesRequested,
    ModelFound,
    OthersChanged,
    RunsPolled,
    StoreClosed,
    StoreOpened,
)
from studio.tui.others import Others
from studio.tui.run_watcher import RunWatcher
from studio.tui.screens.base import StudioScreen
from studio.tui.session import ClosedStore, Session
from studio.tui.widgets.header import HeaderFacts
from studio.tui.widgets.status import StatusLine

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.widget import Widget

    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Change
    from studio.runs.state import RunState
    from studio.tui.shell import Demo

COLOR_SYSTEMS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}


def _data_screen() -> Screen[Any]:
    from studio.tui.screens.data.screen import DataScreen

    return DataScreen()


def _window_screen() -> Screen[Any]:
    from studio.tui.screens.window.screen import WindowScreen

    return WindowScreen()


def _runs_screen() -> Screen[Any]:
    from studio.tui.screens.runs.screen import RunsScreen

    return RunsScreen()


def _compare_screen() -> Screen[Any]:
    from studio.tui.screens.compare.screen import CompareScreen

    return CompareScreen()


def _try_screen() -> Screen[Any]:
    from studio.tui.screens.try_prompt.screen import TryScreen

    return TryScreen()


def _checks_screen() -> Screen[Any]:
    from studio.tui.screens.checks.screen import ChecksScreen

    return ChecksScreen()


def _actions_provider() -> type[Provider]:
    from studio.tui.palette import ActionsProvider

    return ActionsProvider


class StudioApp(App[None], inherit_bindings=False):
    """Six screens over one project; to them it is a ``Shell``."""

    TITLE = "tune-studio"
    CSS_PATH = "studio.tcss"
    # Screens are made, and their modules imported, when first shown: the first paint needs only one of them.
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "data": _data_screen,
        "window": _window_screen,
        "runs": _runs_screen,
        "compare": _compare_screen,
        "try": _try_screen,
        "checks": _checks_screen,
    }

    COMMANDS: ClassVar[set[Any]] = {_actions_provider}

    def __init__(self, project: Project, *, first_screen: str = "data", demo: Demo | None = None) -> None:
        super().__init__()
        keep_alt_digits()
        self.animation_level = "none"  # a scroll in ten steps is ten screens over a slow line
        self.error_console = VisibleConsole()  # for the traceback that ends the studio: it quotes what it choked on
        self.session = Session(project)
        self.set_keymap(actions.checked_keys(self.session.keys))
        self._gates: list[LineFilter] = [VisibleLines(), AsciiLines()] if is_ascii_only() else [VisibleLines()]
        self.last_said: tuple[str, str] = ("", "information")
        self._when_open: list[Callable[[], None]] = []
        self._others = Others(self.post_message)
        self._frame = Frame()
        self._typed_at: WeakKeyDictionary[events.Key, tuple[Screen[Any], Widget | None]] = WeakKeyDictionary()
        self._demo = demo
        self._watcher = RunWatcher(project.runs_path, self._tell_of_runs, self._fail_in_thread)
        self._first_screen = first_screen
        self._facts = HeaderFacts("", project.name, model=self.session.base_model)
        has_few_colors = self.console.color_system == "standard" or self.console.no_color
        self.set_class(has_few_colors, "-few-colors")
        for ours in themes.themes(has_few_colors=has_few_colors):
            self.register_theme(ours)
        for theme in (self.session.settings.theme, self.session.kept.theme):
            if theme in self.available_themes:
                self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variables(is_dark=self.current_theme.dark)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self._frame.forget(), immediate=True)
        self._watcher.start()
        self.switch_mode(self._first_screen)
        if self.session.kept_trouble:
            self.call_after_refresh(self.say, self.session.kept_trouble, "warning")
        if self.session.project.exists():
            self.call_after_refresh(self.open_store)
        if self._demo is not None:
            self.start_demo(self._demo)

    def on_unmount(self) -> None:
        self._watcher.end()
        self.session.close()

    # -- what is sent to the terminal

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, ChopsUpdate | LayoutUpdate) and not self._batch_count:
            colors = COLOR_SYSTEMS.get(self.console.color_system or "", ColorSystem.TRUECOLOR)
            renderable = self._frame.changes(renderable, *self.size, colors)
            if renderable.is_empty and self.cursor_position == self._previous_cursor_position:
                renderable = None  # not even the cursor has moved
        super()._display(screen, renderable)

    def on_resize(self) -> None:
        self._frame.forget()

    # -- the store

    def open_store(self) -> None:
        """Open the store in a thread; every screen then gets ``StoreOpened`` or ``StoreClosed``."""
        self.run_worker(self._open_store, group="store", exclusive=True, thread=True, exit_on_error=True)

    def when_open(self, act: Callable[[], None]) -> None:
        """Do ``act`` once the store that is being opened is open."""
        self._when_open.append(act)

    def _open_store(self) -> None:
        from studio.sharing.opening import open_store

        worker = get_current_worker()
        try:
            store = open_store(self.session.project.store_path, self.session.settings.who)
        except StudioError as error:
            pid = error.pid if isinstance(error, StoreHeld) else None
            self.post_message(StoreClosed(ClosedStore(error.message, error.hint, pid)))
            return
        if worker.is_cancelled:
            store.close()
        else:
            self.post_message(StoreOpened(store))

    def on_store_opened(self, message: StoreOpened) -> None:
        self.session.take_store(message.store)
        self._tell_screens(partial(StoreOpened, message.store))
        waiting, self._when_open = self._when_open, []
        for act in waiting:
            act()
        self.run_worker(self._find_model, group="model", exclusive=True, thread=True, exit_on_error=True)
        self._others.listen(message.store)

    def on_others_changed(self, message: OthersChanged) -> None:
        """Others work on the same project: screens show it, and an error that is said stays said."""
        for screen in self._studio_screens():
            screen.take_others(message.example_ids, may_be_more=message.may_be_more)
        if message.counts and self.last_said[1] != "error":
            self.say(self._others.summed_up(message, time.monotonic()))

    def on_store_closed(self, message: StoreClosed) -> None:
        self.session.take_closed(message.closed)
        self._tell_screens(partial(StoreClosed, message.closed))

    def _tell_screens(self, make: Callable[[], Any]) -> None:
        for screen in self._studio_screens():
            screen.post_message(make())

    def _studio_screens(self) -> Iterator[StudioScreen]:
        for stack in self._screen_stacks.values():
            yield from (screen for screen in stack if isinstance(screen, StudioScreen))

    def _find_model(self) -> None:
        """Look for the base model's folder, on this machine only: opening the studio never fetches one."""
        from studio.models.catalogue import list_models
        from studio.models.finding import resolve_model

        name = self.session.settings.base_model
        try:
            if Path(name).is_dir() or any(model.is_cached and model.name == name for model in list_models()):
                folder = resolve_model(name, self.session.settings.trusted_models)
                self.post_message(ModelFound(folder, folder.fingerprint, folder.window.tokens))
        except StudioError as error:
            self.call_from_thread(self.report, error)
        self.session.is_model_sought = False

    def on_model_found(self, message: ModelFound) -> None:
        self.session.take_model(message.folder, message.fingerprint)
        self.set_header(model=f"{self.session.settings.base_model} · {message.context_window:,}")
        self._tell_screens(partial(ModelFound, message.folder, message.fingerprint, message.context_window))

    def undo(self) -> None:
        self._step_back_or_on("undo")

    def redo(self) -> None:
        self._step_back_or_on("redo")

    def _step_back_or_on(self, which: str) -> None:
        store = self.session.store
        if store is None:
            self.say("The store is not open, so there is nothing to undo here.", "warning")
            return
        change: Change | None = store.undo() if which == "undo" else store.redo()
        if change is None:
            self.say(f"{store.who} has nothing to {which}")
            return
        other = "R does it again" if which == "undo" else "u undoes"
        self.say(f"{stepped(change, 'undone' if which == 'undo' else 'done again')} · saved · {other}")
        self.examples_changed(change.example_ids, change.summary)

    # -- words and screens

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line of whatever screen is shown; it may quote data."""
        text = visible(text)
        self.last_said = (text, severity)
        for screen in reversed(self.screen_stack):
            if lines := screen.query(StatusLine):
                lines.first().say(text, severity)
                return

    def forget_error(self) -> None:
        """What went wrong is over: a key did something else since, or the same was done well.

        A line that is still being mended keeps the reason beneath it.
        """
        if self.last_said[1] == "error" and not getattr(self.screen, "is_mending", False):
            self.say("")

    def report(self, error: BaseException) -> None:
        """A StudioError becomes words; anything else is a fault of ours and must be seen whole."""
        if not isinstance(error, StudioError):
            raise error
        self.say(f"{error.message} {error.hint}".strip(), "error")

    def attempt(self, act: Callable[[], None]) -> None:
        """Do ``act``, which no key asked for (a timer, a message); a StudioError becomes words as it does for a key."""
        try:
            act()
        except StudioError as error:
            self.report(error)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            without_letter(event)
            self._typed_at[event] = (self.screen, self.focused)
        await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """A key typed ahead, as on a slow line, is for whom the key before it gave the keyboard.

        And for the row that the key before it brings: until that is there, the screen keeps the key.
        """
        screen, focused = self._typed_at.get(event, (self.screen, self.focused))
        again = events.Key(event.key, event.character)
        is_for_another = self.screen is not screen or self.focused not in (focused, None)
        if is_for_another:
            # A screen that has just opened has first to give the keyboard to one of its own.
            self.screen.call_later(self.post_message, again)
        if is_for_another or (isinstance(self.screen, StudioScreen) and self.screen.keeps_key(again)):
            event.stop()
            event.prevent_default()

    async def run_action(self, action: Any, *arguments: Any, **named: Any) -> bool:
        said = self.last_said
        try:
            has_run = await super().run_action(action, *arguments, **named)
            if said is self.last_said:
                self.forget_error()
            return has_run
        except StudioError as error:
            self.report(error)
            return True

    def show_screen(self, name: str) -> None:
        """Show a screen by its name: ``"data"``, ``"window"``, ``"runs"``, ``"compare"``, ``"try"`` or ``"checks"``."""
        self.switch_mode(name)

    def on_examples_requested(self, message: ExamplesRequested) -> None:
        """Another screen has rows to look at: they become the view of Data."""
        asked_on = self.current_mode
        self.show_screen("data")
        self.screen.post_message(ExamplesRequested(message.example_ids, message.title, asked_on, message.said))

    def on_comparison_requested(self, message: ComparisonRequested) -> None:
        """Another screen has a comparison to look at."""
        self.show_screen("compare")
        self.screen.post_message(ComparisonRequested(message.run_id))

    def examples_changed(self, example_ids: Sequence[int] | ExampleIds, summary: str) -> None:
        """Tell every screen that these rows are not what they were.

        The one that is shown is told at once: the next key is for the row that it then shows.
        """
        for screen in self._studio_screens():
            if screen is self.screen:
                screen.take_changes(example_ids)
            else:
                screen.post_message(ExamplesChanged(example_ids, summary))

    def start_demo(self, demo: Demo) -> None:
        """Let the demo play, now and in the screens it wants."""
        from studio.tui.demo_player import DemoPlayer

        DemoPlayer(self, demo).start()

    # -- the runs

    def poll_runs(self) -> None:
        """Look at the runs at once, in the thread that watches them; every screen then gets ``RunsPolled``."""
        self._watcher.ask()

    def _tell_of_runs(self, states: list[RunState]) -> None:
        self.post_message(RunsPolled(states))

    def _fail_in_thread(self, error: Exception) -> None:
        self.call_later(self.report, error)

    @property
    def is_looking(self) -> bool:
        """Whether somebody asked to look at the runs who was not answered yet."""
        return self._watcher.is_asked

    def on_runs_polled(self, message: RunsPolled) -> None:
        self.session.run_states = message.states
        self.set_header(running=self.session.live_runs)
        self._tell_screens(partial(RunsPolled, message.states))

    # -- the header

    def header_facts(self, screen: str) -> HeaderFacts:
        return replace(self._facts, screen=screen)

    def set_header(self, **facts: Any) -> None:
        """Change what the header says: ``examples=``, ``running=``, ``model=``."""
        changed = replace(self._facts, **facts)
        if changed == self._facts:
            return
        self._facts = changed
        for screen in self.screen_stack:
            if isinstance(screen, StudioScreen):
                screen.refresh_header()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._gates]

    def switch_theme(self) -> None:
        self.theme = themes.LIGHT if self.current_theme.dark else themes.DARK
        self.session.keep(replace(self.session.kept, theme=self.theme))
        self.say(f"{self.theme} · kept")


def run(project: Project, *, first_screen: str = "data", demo: Demo | None = None) -> None:
    """Show the studio until it is left. Raises AskedWrongly without a terminal and for settings that cannot be used.

    Raises SystemExit(1) where a fault of ours ended it, whose traceback is on the terminal then.
    """
    refuse_without_terminal()
    leave_with_terminal()
    app = StudioApp(project, first_screen=first_screen, demo=demo)
    app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
