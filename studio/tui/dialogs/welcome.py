"""The first start in an empty folder, or again whenever it is asked for: what this is, and three keys."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from studio.dataset.formats import described_shortly
from studio.project import DEFAULT_MODEL, Project
from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.messages import StoreOpened
from studio.tui.styles import style_of


class WelcomeDialog(StudioDialog):
    """Nothing is written to the folder before one of the keys. Also shown again, in a project that exists."""

    BINDINGS = actions.bindings_for("Welcome")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"tune-studio · {visible(self.project.name, single_line=True)}")
            dialog.border_subtitle = "? keys · q leaves"
            yield Static(self._words())
            yield Static(id="progress")

    def _words(self) -> Content:
        lines = [
            "Label prompt-completion pairs and check that they fit the window;",
            "fine-tune a small model in the background;",
            f"see whether it beats prompting. {self._state()}",
        ]
        keys = [action for action in actions.footer_actions("Welcome") if action.name != "help"]
        more = {"begin_import": f": {described_shortly()}"}
        shown = [
            Content.assemble(
                (f"  {actions.current_keys(one, self.session.keys)}  ", style_of("key")),
                one.about,
                more.get(one.name, ""),
            )
            for one in keys
        ]
        return Content("\n").join([*map(Content, lines), Content(""), *shown])

    def _state(self) -> str:
        if not self.project.exists():
            return "This folder holds no project yet."
        return f"{counted(self.store.stats().examples, 'example')} here." if self.store else "Here is a project."

    def action_help(self) -> None:
        from studio.tui.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog("Welcome", behind="Data"))

    def action_begin_import(self) -> None:
        self.dismiss(None)
        if self.store is not None:
            self._import()
            return
        if not self.project.exists():
            Project.init(self.project.root)
        self.shell.open_store()
        self.shell.when_open(self._import)

    def _import(self) -> None:
        self.shell.show_screen("data")
        self.app.call_later(self.app.run_action, "import", self.app.screen)

    def action_open_samples(self) -> None:
        if self._has_room_for_samples():
            self._say("opening the sample data …")
            self.ask("samples", self._make_samples, self._opened)

    def _has_room_for_samples(self) -> bool:
        """The samples stand alone: among rows of one's own they would be trained on with them."""
        count = self.session.opened().stats().examples if self.project.exists() else 0
        if count:
            words = f"This project has {counted(count, 'example')} of its own. In an empty folder: studio open FOLDER"
            self._say(words, "warn")
        return not count

    def _make_samples(self) -> None:
        from studio.acts.demo import add_samples, open_sample_project

        if self.store is not None:
            add_samples(self.store)
        else:
            open_sample_project(self.project.root)

    def _opened(self, nothing: Any) -> None:
        self.dismiss(None)
        self._show_rows()
        self.say("the sample data: three tasks of a support desk · a accepts, x rejects, ? all keys")

    def _show_rows(self) -> None:
        self.shell.show_screen("data")
        if self.store is None:
            self.shell.open_store()
        else:
            self.app.post_message(StoreOpened(self.store))

    def action_run_demo(self) -> None:
        if self._has_room_for_samples():
            self._say(f"getting {DEFAULT_MODEL} …")
            self.ask("samples", self._make_demo, self._demo_ready)

    def _make_demo(self) -> Any:
        from studio.acts.demo import Demo
        from studio.models.fetching import get_model

        def progress(part: float, message: str) -> None:
            self.app.call_from_thread(self._say, f"{message} · {round(part * 100)} %")

        get_model(DEFAULT_MODEL, progress)
        self._make_samples()
        return Demo(self.project)

    def _demo_ready(self, demo: Any) -> None:
        self.dismiss(None)
        self.shell.start_demo(demo)
        self._show_rows()

    def on_failed(self, noun: str, error: Exception) -> None:
        self.query_one("#progress", Static).update(Content.styled(f"\n{error}", style_of("bad")))

    def action_leave_studio(self) -> None:
        if self.project.exists():
            self.dismiss(None)
        else:
            self.app.exit()

    def _say(self, words: str, style: str = "dim") -> None:
        if self.is_mounted:
            self.query_one("#progress", Static).update(Content.styled(f"\n{words}", style_of(style)))
