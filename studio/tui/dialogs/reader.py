"""Something to read over the screen: a row's history, a row as it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from studio.reports.numbers import number
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of
from studio.tui.terminal import told_differences
from studio.tui.widgets.lines import Line

if TYPE_CHECKING:
    from studio.acts.window import AsTrained, Stretch
    from studio.dataset.store import Edit

_MARKS = {"same": "", "removed": "removed", "added": "added"}


class ReaderDialog(StudioDialog):
    """Lines of (text, style name) that scroll."""

    BINDINGS = actions.bindings_for("Reader")
    LEAVES = "esc leaves"

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self._title, single_line=True))
            dialog.border_subtitle = Content(self.LEAVES)
            pieces = [Content.assemble(*((text, style_of(name)) for text, name in line)) for line in self._lines]
            yield Static(Content("\n").join(pieces))

    def action_scroll_on(self) -> None:
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_scroll_back(self) -> None:
        self.query_one(VerticalScroll).scroll_up(animate=False)


class RowsDialog(ReaderDialog):
    """Rows to read; enter dismisses with ``example_ids``, to show them in Data."""

    BINDINGS = actions.bindings_for("Rows")
    LEAVES = "enter opens them in Data · esc leaves"

    def __init__(self, title: str, lines: Sequence[Line], example_ids: Sequence[int]) -> None:
        super().__init__(title, lines)
        self._example_ids = list(example_ids)

    def action_open_rows(self) -> None:
        self.dismiss(self._example_ids)


class SinceDialog(ReaderDialog):
    """What changed since a run; dismissed with where training again shall begin, as ``plan_again`` takes it."""

    BINDINGS = actions.bindings_for("Since")
    LEAVES = "t trains anew · c continues · esc leaves"

    def action_from_base(self) -> None:
        self.dismiss("base")

    def action_from_run(self) -> None:
        self.dismiss("continue")


def history_lines(edits: Sequence[Edit]) -> list[Line]:
    """Who changed what and when, newest first; texts as a difference of words."""
    lines: list[Line] = []
    for edit in sorted(edits, key=lambda one: one.edit_id, reverse=True):
        old, new = visible(edit.old or ""), visible(edit.new or "")
        head = [(f"{edit.at:%Y-%m-%d %H:%M:%S}  ", "dim"), (f"{visible(edit.who)}  ", "title"), (edit.field, "bold")]
        if edit.is_undone:
            head.append(("  undone", "warn"))
        if edit.field in ("prompt", "completion", "context", "system", "note"):
            lines += [head, [(piece, _MARKS[kind]) for piece, kind in told_differences(old, new)]]
        else:
            lines.append([*head, (f"  {old or 'none'} → {new or 'none'}", "plain")])
        lines.append([("", "")])
    return lines[:-1] or [[("Nothing has been changed in this row since it was imported.", "plain")]]


def trained_lines(trained: AsTrained) -> list[Line]:
    """Every token, parted by ``│``: seen dim, learned bright, cut by the budget struck through.

    A source and a target, which are two sequences, stand one below the other.
    """
    head: Line = [
        (f"{_counts(trained)} · fate ", "plain"),
        (trained.fate, "good" if trained.fate == "whole" else "warn"),
    ]
    key: Line = [
        (f"{trained.learns}: ", "title"),
        ("seen ", "seen"),
        ("learned ", "learned"),
        ("cut", "removed"),
    ]
    begin: list[Line] = [key, head, [("", "")]]
    if trained.max_target_length is None:
        return [*begin, _pieces(trained.stretches, trained.max_length), [("", "")]]
    source = _pieces([one for one in trained.stretches if not one.is_learned], trained.max_length)
    target = _pieces([one for one in trained.stretches if one.is_learned], trained.max_target_length)
    names: list[Line] = [[("source: the encoder reads it", "title")], [("target: the decoder learns it", "title")]]
    return [*begin, names[0], source, [("", "")], names[1], target]


def _counts(trained: AsTrained) -> str:
    prompt, completion = number(trained.prompt_tokens), number(trained.completion_tokens)
    limit = number(trained.max_length)
    if trained.max_target_length is not None:
        return f"{prompt} of {limit} in the source · {completion} of {number(trained.max_target_length)} in the target"
    seen, learned = (sum(one.tokens for one in trained.stretches if one.is_learned is is_it) for is_it in (False, True))
    total = number(seen + learned)
    return f"{number(seen)} seen · {number(learned)} learned · {total} of max_length {limit}"


def _pieces(stretches: Sequence[Stretch], room: int) -> Line:
    """Tokens each behind the other; those behind the first ``room`` are cut."""
    line: Line = []
    pieces = [(piece, "learned" if one.is_learned else "seen") for one in stretches for piece in one.pieces]
    for index, (piece, style) in enumerate(pieces):
        line += [(visible(piece), style if index < room else "removed"), ("│", "faint")]
    return line
