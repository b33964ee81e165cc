"""A run as a standalone model, from its key: where to, how far it is, and Esc ends it."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import StudioError
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.acts.merging import Merging
    from studio.runs.leaving import Verified
    from studio.tui.screens.runs.desk import Desk
    from studio.tui.widgets.prompt_bar import PromptBar

KIND = "merge"


class Leaving:
    """At most one merge at a time; it ends with the studio."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._run_id = self._replacing = ""
        self._is_over: threading.Event | None = None

    def ask(self, bar: PromptBar) -> None:
        from studio.tui.widgets.line_input import Paths

        state = self._desk.current
        if state is None or state.kind != "train":
            self._desk.say("only a train run leaves a model", "warning")
        elif self._is_over is not None:
            self._desk.say("a model is being written; esc ends that", "warning")
        else:
            self._run_id, self._replacing = state.run_id, ""
            folder = f"{state.run_id}-merged"
            bar.ask(KIND, "merge into", folder, hint="a folder; float32, verified", completer=Paths())

    def enter(self, text: str, bar: PromptBar) -> None:
        """A folder with a model in it is replaced only by the same line entered again."""
        from studio.acts.exporting import FileExists
        from studio.acts.merging import plan_merge

        folder = Path(text.strip()).expanduser()
        try:
            plan = plan_merge(self._desk.project, self._run_id, folder, may_replace=self._replacing == text)
        except FileExists:
            self._replacing = text
            bar.refuse(f"{folder.name} exists: enter again replaces it")
            return
        except StudioError as error:
            bar.refuse(visible(error.message, single_line=True))
            return
        bar.leave()
        self._start(plan)

    def _start(self, plan: Merging) -> None:
        from studio.acts.merging import merge

        is_over = self._is_over = threading.Event()
        run_id = plan.run.directory.run_id

        def say(part: float, message: str) -> None:
            if not is_over.is_set():
                words = f"merging {run_id}: {message}, {part:.0%} · esc ends it"
                self._desk.app.call_from_thread(self._desk.say, words)

        question = partial(merge, self._desk.project, plan, say, is_over.is_set)
        self._desk.say(f"merging {run_id} … esc ends it")
        self._desk.ask(KIND, question, partial(self._merged, plan))

    def _merged(self, plan: Merging, found: Verified | None) -> None:
        self._is_over = None
        if found is None:
            self._desk.say("the merge was ended; nothing was written")
        else:
            self._desk.say(f"wrote {visible(str(plan.folder), single_line=True)}; {found.words}")

    def failed(self) -> None:
        self._is_over = None

    def end(self) -> bool:
        """Whether there was a merge to end."""
        if self._is_over is None or self._is_over.is_set():
            return False
        self._is_over.set()
        return True
