"""Edit prompt and completion: in place, or as one marked file in $EDITOR."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, ComposeResult, SuspendNotSupported
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from studio.errors import AskedWrongly, StudioError
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of

if TYPE_CHECKING:
    from studio.dataset.store import Example

PROMPT_LINE = "──── prompt (leave this line as it is) ────"
COMPLETION_LINE = "──── completion (leave this line as it is) ────"


class EditDialog(StudioDialog):
    """Two text areas. Dismissed with (prompt, completion), or None when nothing is to be saved."""

    BINDINGS = actions.bindings_for("Edit")
    DEFAULT_CSS = """
    EditDialog > Vertical.dialog { height: 90%; }
    EditDialog TextArea { height: 1fr; border: round $foreground 30%; border-title-color: $foreground 75%; padding: 0; }
    EditDialog TextArea:focus { border: round $primary; }
    EditDialog #completion { height: 1fr; }
    EditDialog Static { height: 1; }
    """

    def __init__(self, example: Example) -> None:
        super().__init__()
        self._example = example
        self._was_warned = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"edit · row {self._example.example_id}")
            for name, text in (("prompt", self._example.prompt), ("completion", self._example.completion)):
                area = TextArea(text, id=name, soft_wrap=True, tab_behavior="focus")
                area.border_title = name
                yield area
            yield Static(self._words("ctrl+s saves · esc leaves · tab the other text", "dim"))

    @property
    def texts(self) -> tuple[str, str]:
        prompt, completion = (self.query_one(f"#{name}", TextArea).text for name in ("prompt", "completion"))
        return prompt, completion

    def action_save(self) -> None:
        if not self.texts[1].strip():
            self.query_one(Static).update(self._words("An empty completion teaches nothing: write one, or esc.", "bad"))
            return
        self.dismiss(self.texts)

    async def action_dismiss(self, result: tuple[str, str] | None = None) -> None:
        if self.texts == (self._example.prompt, self._example.completion) or self._was_warned:
            self.dismiss(None)
            return
        self._was_warned = True
        self.query_one(Static).update(
            self._words("Not saved: ctrl+s saves, esc again throws the changes away.", "warn")
        )

    def on_text_area_changed(self) -> None:
        self._was_warned = False

    def _words(self, words: str, style: str) -> Content:
        return Content.styled(words, style_of(style))


def edit_outside(app: App[Any], example: Example) -> tuple[str, str] | None:
    """(prompt, completion) as $EDITOR left them; None when the editor failed.

    Raises StudioError when there is no editor or terminal, AskedWrongly when a marked line is gone; what was written
    then stays in the file that the error names.
    """
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    descriptor, name = tempfile.mkstemp(prefix=f"example-{example.example_id}-", suffix=".txt")
    path = Path(name)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(as_file(example.prompt, example.completion))
    try:
        with app.suspend():
            exit_code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
    except SuspendNotSupported as error:
        path.unlink()
        raise StudioError("This terminal cannot be handed to an editor.", "e edits in place.") from error
    except OSError as error:
        path.unlink()
        raise StudioError(f"$EDITOR {editor!r} cannot be started: {error.strerror}.", "e edits in place.") from error
    if exit_code:
        path.unlink()
        return None
    texts = from_file(path)
    path.unlink()
    return texts


def as_file(prompt: str, completion: str) -> str:
    """Both texts in one file, each under its marked line."""
    return f"{PROMPT_LINE}\n{prompt}\n{COMPLETION_LINE}\n{completion}\n"


def from_file(path: Path) -> tuple[str, str]:
    """The texts of such a file; the one newline an editor puts at the end is not part of them."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise AskedWrongly(f"{path} is not UTF-8; nothing was changed.", "Save it as UTF-8 and edit again.") from error
    head, found, rest = text.partition(f"{PROMPT_LINE}\n")
    prompt, found_too, completion = rest.partition(f"\n{COMPLETION_LINE}\n")
    if not (found and found_too) or head.strip():
        raise AskedWrongly("A marked line is gone; nothing was changed.", f"What you wrote is in {path}.")
    completion = completion.removesuffix("\n")
    if not completion.strip():
        raise AskedWrongly("The completion is empty; nothing was changed.", f"What you wrote is in {path}.")
    return prompt, completion
