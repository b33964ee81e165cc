"""Import: name a file, see what would happen and every problem by file and line, then enter writes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Grid, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Static
from textual.worker import get_current_worker

from studio.dataset.formats import described, described_shortly
from studio.dataset.formats.reading import WrongColumns
from studio.errors import StudioError
from studio.reports.numbers import counted, number, size
from studio.reports.visible import visible
from studio.templates import READY, template_named
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of
from studio.tui.widgets.line_input import CompletedInput, Paths, Words
from studio.turns import turns_in

if TYPE_CHECKING:
    from studio.acts.importing import ImportPreview
    from studio.dataset.store import Added

READ_AFTER_SECONDS = 0.25
PROBLEMS_SHOWN = 500
TASKS_SHOWN = 8
TEMPLATE_HELP = "none; a name, or a text as Summarize: {{dialogue}}"
SAY_EVERY_SECONDS = 0.2
_BEGIN_CHARS, _END_CHARS = 200, 80
Piece = str | Content | tuple[str, str]


def in_short(text: str) -> str:
    """How a text begins and ends: what a template puts around it is at both ends."""
    return text if len(text) <= _BEGIN_CHARS + _END_CHARS else f"{text[:_BEGIN_CHARS]} … {text[-_END_CHARS:]}"


class ImportDialog(StudioDialog):
    """Dismissed with what was added, or None. Nothing is written before Enter on a preview."""

    BINDINGS = actions.bindings_for("Import")
    DEFAULT_CSS = """
    ImportDialog > Vertical.dialog { height: 90%; }
    ImportDialog Grid { grid-size: 2; grid-columns: 9 1fr; grid-rows: 1; height: 4; }
    ImportDialog Label { color: $studio-dim; }
    ImportDialog Input { height: 1; border: none; padding: 0 1; }
    ImportDialog VerticalScroll { height: 1fr; margin-top: 1; }
    ImportDialog .end { height: 1; }
    """

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self._path = path
        self._preview: ImportPreview | None = None
        self._previewed = ("", "", "", "")
        self._is_entering = False
        self._is_writing = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "import"
            with Grid():
                yield Label("file")
                path = CompletedInput(
                    self._path, placeholder=f"{described_shortly()} tab completes", id="path", compact=True
                )
                path.complete_by(Paths())
                path.is_field = True
                yield path
                yield Label("columns")
                yield Input(placeholder="as they are; or prompt=question,completion=answer", id="columns", compact=True)
                yield Label("task")
                yield Input(placeholder="the task of rows that name none", id="task", compact=True)
                yield Label("template")
                template = CompletedInput(placeholder=TEMPLATE_HELP, id="template", compact=True)
                template.complete_by(Words([*self.project.settings().templates, *(one.name for one in READY)]))
                template.is_field = True
                yield template
            with VerticalScroll():
                yield Static(id="preview")
            yield Static(self._words("tab next field · esc leaves; nothing is written yet", "dim"), classes="end")

    def on_mount(self) -> None:
        self._read()

    @property
    def entered(self) -> tuple[str, str, str, str]:
        path, columns, task = (self.query_one(f"#{name}", Input).value.strip() for name in ("path", "columns", "task"))
        return path, columns, task, self.query_one("#template", Input).value

    @on(Input.Changed)
    def _read_soon(self) -> None:
        self._preview = None
        self.forget("preview")
        self.after("preview", READ_AFTER_SECONDS, self._read)

    def _read(self) -> None:
        store, (path, columns, task, template) = self.store, self.entered
        if not path or store is None:
            self._show(self._words(f"Which file? It may be {described()}.", "dim"))
            return
        if self._previewed == self.entered and self._preview is not None:
            return
        self._previewed = self.entered
        self._show(self._words("reading …", "dim"))

        file = Path(path).expanduser()
        own = self.project.settings().templates

        def preview() -> ImportPreview:
            from studio.acts.importing import parse_mapping, preview_import

            made_by = template_named(template, own, name=task) if template.strip() else None
            mapping = parse_mapping(columns) or None
            return preview_import(store, [file], mapping, task, self._progress(file), template=made_by)

        self.ask("preview", preview, self._show_preview)

    def _progress(self, file: Path) -> Callable[[int], None]:
        """Called in the thread as bytes are read: says how far it is, and stops when the answer is no longer wanted."""
        worker, said_at = get_current_worker(), time.monotonic()

        def say(done: int) -> None:
            nonlocal said_at
            if worker.is_cancelled:
                raise StudioError("The reading was stopped.")
            if time.monotonic() - said_at > SAY_EVERY_SECONDS:
                said_at = time.monotonic()
                words = f"reading … {size(done)}" + (f" of {size(file.stat().st_size)}" if file.is_file() else "")
                self.app.call_from_thread(self._show, self._words(words, "dim"))

        return say

    def on_failed(self, noun: str, error: Exception) -> None:
        if not isinstance(error, StudioError):
            raise error
        self._is_entering = self._is_writing = False
        columns = self.query_one("#columns", Input)
        if isinstance(error, WrongColumns) and error.proposal and not columns.value:
            columns.value = error.proposal  # which reads the file again; nothing is written before Enter
            self.query_one(".end", Static).update(self._words("the columns are a guess: look, and mend them", "warn"))
            return
        hint = error.hint
        if isinstance(error, WrongColumns):
            hint = f"Write into columns: {error.proposal or 'prompt=COLUMN,completion=COLUMN'}"
        self._show(self._words(visible(error.message), "bad"), self._words(visible(hint), "plain"))

    def _show_preview(self, preview: ImportPreview) -> None:
        from studio.acts.importing import already_there, shapes_said

        self._preview = preview
        count: list[Piece] = [
            (f"{number(preview.plan.added)} new", style_of("good")),
            " · ",
            (f"{counted(preview.plan.duplicates, 'duplicate')}, left out", style_of("dim")),
            " · ",
            (
                f"{counted(len(preview.problems), 'problem')}, left out",
                style_of("bad" if preview.problems else "dim"),
            ),
        ]
        lines = [Content.assemble(*count)]
        if preview.shapes:
            lines.append(self._words(f"read as {shapes_said(preview)}", "dim"))
        if preview.plan.of_another_task:
            lines.append(self._words(already_there(preview.plan), "warn"))
        if preview.tasks:
            first = list(preview.tasks.items())[:TASKS_SHOWN]
            named = ", ".join(f"{visible(task, single_line=True)} {number(rows)}" for task, rows in first)
            more = f", and {number(len(preview.tasks) - len(first))} more" if len(first) < len(preview.tasks) else ""
            lines.append(self._words(f"tasks: {named}{more}", "dim"))
        lines.append(Content(""))
        for problem in preview.problems[:PROBLEMS_SHOWN]:
            named = preview.problem_words(replace(problem, file=Path(problem.file).name))
            lines.append(self._words(visible(named, single_line=True), "bad"))
        if len(preview.problems) > PROBLEMS_SHOWN:
            lines.append(self._words(f"… and {number(len(preview.problems) - PROBLEMS_SHOWN)} more problems", "bad"))
        lines += self._first_rows(preview)
        self._show(*lines)
        added = preview.plan.added
        words = f"enter imports {counted(added, 'example')}" if added else "nothing new to import"
        self.query_one(".end", Static).update(self._words(f"{words} · tab next field · esc leaves", "bold"))
        if self._is_entering:
            self.action_confirm_import()

    def _first_rows(self, preview: ImportPreview) -> list[Content]:
        lines = [Content("")] if preview.problems else []
        for candidate in preview.candidates[:3]:
            for turn in turns_in(candidate.context):
                shown = visible(in_short(turn.text), single_line=True)
                lines.append(Content.assemble((f"{turn.role:<11}", style_of("dim")), shown))
            for name in ("prompt", "completion", "rejected"):
                if text := getattr(candidate, name):
                    style = style_of("bad" if name == "rejected" else name)
                    lines.append(Content.assemble((f"{name:<11}", style), visible(in_short(text), single_line=True)))
            lines.append(Content(""))
        return lines

    @on(Input.Submitted)
    def _submit(self) -> None:
        self.action_confirm_import()

    def action_confirm_import(self) -> None:
        """Write what the preview shows; an Enter that comes before the preview waits for it."""
        preview, store = self._preview, self.store
        if self._is_writing:
            return
        if preview is None or self._previewed != self.entered:
            self._is_entering = bool(self.entered[0])
            self._read()
            return
        self._is_entering = False
        if not preview.plan.added or store is None:
            return
        from studio.acts.importing import confirm_import

        self._is_writing = True
        self.query_one(".end", Static).update(self._words("writing …", "dim"))
        self.ask("import", lambda: confirm_import(store, preview), self._added)

    def _added(self, added: Added) -> None:
        self.dismiss(added)

    async def action_dismiss(self, result: Added | None = None) -> None:
        if self._is_writing:
            self.query_one(".end", Static).update(
                self._words("it is being written; u takes it back afterwards", "warn")
            )
            return
        self.dismiss(result)

    def _show(self, *lines: Content) -> None:
        self.query_one("#preview", Static).update(Content("\n").join(lines))

    def _words(self, words: str, style: str) -> Content:
        return Content.styled(words, style_of(style))
