"""Edit the texts of a row, its earlier turns among them, as one marked file in $EDITOR.

A file that comes back as it went changes nothing.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, SuspendNotSupported

from studio.errors import AskedWrongly, StudioError
from studio.tui.dialogs.edit import RowTexts
from studio.turns import Turn, turns_in, written

if TYPE_CHECKING:
    from studio.dataset.store import Example

IN_PLACE = "e edits in place."


def edit_outside(app: App[Any], example: Example) -> RowTexts:
    """The texts as $EDITOR left them.

    Raises StudioError when there is no terminal to hand over, or the editor cannot be started or fails; AskedWrongly
    when a marked line is gone. What was written then stays in the file that the error names.
    """
    command = editor_command()
    turns = turns_in(example.context)
    texts = [*(turn.text for turn in turns), example.prompt, example.completion]
    marks = marked_lines([*(f"{turn.role}, earlier" for turn in turns), "prompt", "completion"], texts)
    given = as_file(texts, marks).encode("utf-8")
    path = _file_with(given, f"example-{example.example_id}-")
    try:
        _run(app, [*command, str(path)])
        is_unchanged = _read(path) == given
    except StudioError as error:
        if path.exists() and path.read_bytes() != given:
            error.hint = f"What you wrote is in {path}."
        else:
            path.unlink(missing_ok=True)
        raise
    if not is_unchanged:
        texts = _written(path, marks)
    path.unlink()
    said = [Turn(turn.role, text) for turn, text in zip(turns, texts, strict=False)]
    return RowTexts(texts[-2], texts[-1], written(said))


def editor_command() -> list[str]:
    """The words of $VISUAL, else of $EDITOR, else ``vi``. Raises AskedWrongly where they cannot be parted."""
    for name in ("VISUAL", "EDITOR"):
        value = os.environ.get(name, "")
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise AskedWrongly(f"${name} is {value!r}: {error}.", f"Mend it, or {IN_PLACE}") from error
        if words:
            return words
    return ["vi"]


def _run(app: App[Any], command: Sequence[str]) -> None:
    """Give the terminal to ``command`` until it has ended. Raises StudioError when it fails or cannot be started."""
    failure: OSError | None = None
    exit_code = 0
    try:
        with app.suspend():  # an exception in here would leave the terminal without the studio
            try:
                with _interrupts_for_the_editor():
                    exit_code = subprocess.run(command, check=False).returncode
            except OSError as error:
                failure = error
    except SuspendNotSupported as error:
        raise StudioError("This terminal cannot be handed to an editor.", IN_PLACE) from error
    if failure is not None:
        raise StudioError(f"The editor cannot be started: {failure.strerror}: {command[0]}.", IN_PLACE) from failure
    if exit_code:
        how = f"with exit code {exit_code}" if exit_code > 0 else f"by signal {-exit_code}"
        raise StudioError(f"The editor ended {how}; nothing was changed.", IN_PLACE)


@contextmanager
def _interrupts_for_the_editor() -> Iterator[None]:
    """ctrl+c is the editor's while it has the terminal. A handler, unlike SIG_IGN, is not inherited by it."""
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _file_with(content: bytes, prefix: str) -> Path:
    try:
        descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=".txt")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        where = tempfile.gettempdir()
        raise StudioError(f"No file for the editor could be made in {where}: {error.strerror}.", IN_PLACE) from error
    return Path(name)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudioError(f"{path}: {error.strerror}; nothing was changed.", IN_PLACE) from error


def marked_lines(names: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The lines that head the texts of these names in the file, none of which occurs in the texts."""
    rule = "────"
    while True:
        marks = [f"{rule} {name} (leave this line as it is) {rule}" for name in names]
        if not any(mark in text for mark in marks for text in texts):
            return marks
        rule += "─"


def as_file(texts: Sequence[str], marks: Sequence[str]) -> str:
    """The texts in one file, each under its marked line."""
    return "".join(f"{mark}\n{text}\n" for mark, text in zip(marks, texts, strict=True))


def parted(text: str, marks: Sequence[str]) -> list[str] | None:
    """The texts of such a file; the one newline an editor puts at the end is not part of them. None: a mark is gone."""
    head, found, rest = text.partition(f"{marks[0]}\n")
    if not found or head.strip():
        return None
    texts = []
    for mark in marks[1:]:
        one, found, rest = rest.partition(f"\n{mark}\n")
        if not found:
            return None
        texts.append(one)
    return [*texts, rest.removesuffix("\n")]


def _written(path: Path, marks: Sequence[str]) -> list[str]:
    """What the editor left in ``path``. Raises AskedWrongly where it cannot be a row; the file stays."""
    try:
        texts = parted(_read(path).decode("utf-8"), marks)
    except UnicodeDecodeError as error:
        raise AskedWrongly("It is not UTF-8; nothing was changed.", f"What you wrote is in {path}.") from error
    if texts is None:
        raise AskedWrongly("A marked line is gone; nothing was changed.", f"What you wrote is in {path}.")
    if not texts[-1].strip():
        raise AskedWrongly("The completion is empty; nothing was changed.", f"What you wrote is in {path}.")
    if not all(text.strip() for text in texts[:-2]):
        raise AskedWrongly("An earlier turn is empty; nothing was changed.", f"What you wrote is in {path}.")
    return texts
