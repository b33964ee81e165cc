"""The first start in an empty folder: what this is, and three keys."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from studio.dataset.formats import described
from studio.project import DEFAULT_MODEL, Project
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of


class WelcomeDialog(StudioDialog):
    """Nothing is written to the folder before one of the keys."""

    BINDINGS = actions.bindings_for("Welcome")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"tune-studio · {visible(self.project.name, single_line=True)}")
            dialog.border_subtitle = "q leaves"
            yield Static(self._words())
            yield Static(id="progress")

    def _words(self) -> Content:
        lines = [
            "Label prompt-completion pairs and check that they fit the window;",
            "fine-tune a small model in the background;",
            "see whether it beats prompting. This folder holds no project yet.",
        ]
        keys = [action for action in actions.actions_for("Welcome") if action.footer]
        more = {"begin_import": f": {described()}"}
        shown = [
            Content.assemble(
                (f"  {actions.current_keys(one, self.session.keys)}  ", style_of("key")),
                one.about,
                more.get(one.name, ""),
            )
            for one in keys
        ]
        return Content("\n").join([*map(Content, lines), Content(""), *shown])

    def action_begin_import(self) -> None:
        self._begin()
        self.dismiss(None)
        self.shell.when_open(self._import)

    def _import(self) -> None:
        self.app.call_later(self.app.run_action, "import", self.app.screen)

    def action_open_samples(self) -> None:
        self._say("opening the sample data …")
        self.ask("samples", self._make_samples, self._opened)

    def _make_samples(self) -> None:
        from studio.acts.demo import open_sample_project

        open_sample_project(self.project.root)

    def _opened(self, nothing: Any) -> None:
        self.dismiss(None)
        self.shell.open_store()
        self.say("the sample data: three tasks of a support desk · a accepts, x rejects, ? all keys")

    def action_run_demo(self) -> None:
        self._say(f"getting {DEFAULT_MODEL} …")
        self.ask("samples", self._make_demo, self._demo_ready)

    def _make_demo(self) -> Any:
        from studio.acts.demo import Demo, open_sample_project
        from studio.models.fetching import get_model

        def progress(part: float, message: str) -> None:
            self.app.call_from_thread(self._say, f"{message} · {round(part * 100)} %")

        get_model(DEFAULT_MODEL, progress)
        return Demo(open_sample_project(self.project.root))

    def _demo_ready(self, demo: Any) -> None:
        self.dismiss(None)
        self.shell.start_demo(demo)
        self.shell.open_store()

    def on_failed(self, noun: str, error: Exception) -> None:
        self.query_one("#progress", Static).update(Content.styled(f"\n{error}", style_of("bad")))

    def action_leave_studio(self) -> None:
        self.app.exit()

    def _begin(self) -> None:
        Project.init(self.project.root)
        self.shell.open_store()

    def _say(self, words: str) -> None:
        if self.is_mounted:
            self.query_one("#progress", Static).update(Content.styled(f"\n{words}", style_of("dim")))
