"""The contradiction bench: one question, its answers side by side with who gave them; a key settles it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from studio.acts.contradictions import Answer, Dispute, dispute_of, keep_answer, merge_answers
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.terminal import told_differences
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.lines import Line, LinesView, content_of, entitle
from studio.tui.widgets.text_pane import TextPane

if TYPE_CHECKING:
    from studio.dataset.checks.check import Finding
    from studio.dataset.store import Change, Example
    from studio.tui.dialogs.edit import RowTexts

# Side by side there is room for as many; more are shown as the choice moves on.
_COLUMNS = 3


class BenchDialog(StudioDialog):
    """Goes through the groups of a finding. What a key did is on disk when its handler returns; ``u`` takes it back."""

    BINDINGS = actions.bindings_for("Bench")
    DEFAULT_CSS = """
    BenchDialog #asked { height: 1fr; border-bottom: solid $studio-faint; }
    BenchDialog #answers { height: 2fr; }
    BenchDialog #answers TextPane { width: 1fr; height: 1fr; border: round $studio-faint; padding: 0 1; }
    BenchDialog #answers TextPane.-chosen { border: round $primary; }
    BenchDialog #standing { height: auto; max-height: 3; }
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._groups = [group.tolist() for group in finding.groups]
        self._ceiling = finding.sentence
        self._group = self._chosen = 0
        self._dispute = Dispute("", [])

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield TextPane(id="asked")
            with Horizontal(id="answers"):
                for place in range(_COLUMNS):
                    yield TextPane(id=f"answer-{place}")
            yield LinesView(id="standing")
            yield KeyFooter(actions.footer_actions("Bench"), self.session.keys)

    def on_mount(self) -> None:
        self._read()

    # -- showing

    def _read(self) -> None:
        self._dispute = dispute_of(self.session.opened(), self._groups[self._group])
        self._chosen = min(self._chosen, max(0, len(self._dispute.answers) - 1))
        self._show()

    def _show(self) -> None:
        dispute = self._dispute
        title = f"group {number(self._group + 1)} of {number(len(self._groups))}"
        entitle(self.query_one(".dialog"), title, "esc leaves")
        self._pane("#asked", [[(visible(dispute.prompt), "prompt")]])
        first = max(0, self._chosen - _COLUMNS + 1)
        for place in range(_COLUMNS):
            pane, index = self.query_one(f"#answer-{place}", TextPane), first + place
            pane.display = index < len(dispute.answers)
            pane.set_class(index == self._chosen, "-chosen")
            if pane.display:
                answer = dispute.answers[index]
                entitle(pane, counted(len(answer.rows), "row"), f"{index + 1} of {len(dispute.answers)}")
                self._pane(f"#answer-{place}", answer_lines(answer, dispute.prompt))
        settled = "settled · " if dispute.is_settled else ""
        self.query_one("#standing", LinesView).show([[(f"{settled}{self._ceiling}", "dim")]])

    def _pane(self, selector: str, lines: Sequence[Line]) -> None:
        made = Content("\n").join([content_of(line) for line in lines])
        self.query_one(selector, TextPane).show_text(lambda width: made)

    # -- keys

    def action_previous_answer(self) -> None:
        self._choose(self._chosen - 1)

    def action_next_answer(self) -> None:
        self._choose(self._chosen + 1)

    def _choose(self, index: int) -> None:
        self._chosen = max(0, min(index, len(self._dispute.answers) - 1))
        self._show()

    def action_next_group(self) -> None:
        self._go_to(self._group + 1)

    def action_previous_group(self) -> None:
        self._go_to(self._group - 1)

    def _go_to(self, group: int) -> None:
        self._group, self._chosen = max(0, min(group, len(self._groups) - 1)), 0
        self._read()

    def action_keep_answer(self) -> None:
        if not self._dispute.is_settled:
            self._settled(keep_answer(self.session.opened(), self._dispute, self._chosen))

    def action_merge_answers(self) -> None:
        if self._dispute.answers:
            self._settled(merge_answers(self.session.opened(), self._dispute, self._chosen))

    def _settled(self, change: Change) -> None:
        self._told(change)
        self._go_to(self._group + 1)

    def _told(self, change: Change) -> None:
        self.say(f"{change.summary} · saved · u undoes")
        self.shell.examples_changed(change.example_ids, change.summary)

    def action_undo_here(self) -> None:
        self.shell.undo()
        self._read()

    def action_edit_answer(self) -> None:
        from studio.tui.dialogs.edit import EditDialog

        if self._dispute.answers:
            example = self._dispute.answers[self._chosen].rows[0]
            self.app.push_screen(EditDialog(example), lambda texts: self._edited(example, texts))

    def _edited(self, example: Example, texts: RowTexts | None) -> None:
        if texts is not None:
            self._told(self.session.opened().set_text(example.example_id, texts.prompt, texts.completion))
        self._read()


def answer_lines(answer: Answer, prompt: str) -> list[Line]:
    """An answer, which rows give it and who had a hand in them, and what its prompt has otherwise than ``prompt``."""
    lines: list[Line] = [[(visible(answer.text), "completion")], [("", "")]]
    lines += [[(f"{row.example_id}", "label"), (f"  {_hand(row)}", "dim")] for row in answer.rows]
    own = answer.rows[0].prompt
    if own != prompt:
        pieces = told_differences(visible(prompt), visible(own))
        lines += [[("", "")], [("its prompt", "title")], [(piece, kind) for piece, kind in pieces]]
    return lines


def _hand(row: Example) -> str:
    parts = [f"{visible(row.source, single_line=True)}:{row.source_line}"] if row.source else []
    if row.last_edit_at is not None:
        parts.append(f"{row.last_edit_who} {row.last_edit_at.astimezone():%Y-%m-%d %H:%M}")
    if row.label != "none":
        parts.append(row.label)
    return " · ".join(parts)
