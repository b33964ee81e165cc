"""Blind A/B: two answers to one prompt side by side, and nobody knows whose they are until the end."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from studio.acts.voting import Ballot, Booth
from studio.reports.numbers import counted
from studio.reports.visible import visible
from studio.reports.votes import blind_standing, result_lines
from studio.runs.votes import LEFT, RIGHT, TIE
from studio.tui import actions
from studio.tui.dialogs.dialog import StudioDialog
from studio.tui.styles import style_of
from studio.tui.widgets.footer import KeyFooter
from studio.tui.widgets.lines import Line, LinesView
from studio.tui.widgets.text_pane import TextPane


class Passage(TextPane, can_focus=False):
    """Something to read; the keys that scroll are the dialog's, so that both answers move together."""


class VoteDialog(StudioDialog):
    """A vote is on disk when its key's handler returns. Esc shows the result with the names; esc again leaves."""

    BINDINGS = actions.bindings_for("Vote")
    DEFAULT_CSS = """
    VoteDialog #asked { height: 30%; border-bottom: solid $studio-faint; }
    VoteDialog #sides { height: 1fr; }
    VoteDialog #sides Passage { width: 1fr; height: 1fr; padding: 0 1; border-title-color: $text-primary; }
    VoteDialog #left { border-right: solid $studio-faint; }
    VoteDialog #standing { height: 3; border-top: solid $studio-faint; }
    VoteDialog #result { display: none; height: auto; padding: 1 1; }
    VoteDialog.-over #result { display: block; }
    VoteDialog.-over #asked, VoteDialog.-over #sides, VoteDialog.-over #standing { display: none; }
    """

    def __init__(self, booth: Booth, title: str) -> None:
        super().__init__()
        self._booth, self._title = booth, title
        self._ballot: Ballot | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self._title, single_line=True))
            yield Passage(id="asked")
            with Horizontal(id="sides"):
                yield Passage(id="left")
                yield Passage(id="right")
            yield LinesView(id="standing")
            yield LinesView(id="result")
            yield KeyFooter(actions.footer_actions("Vote"), self.session.keys)

    def on_mount(self) -> None:
        self._show_next()

    # -- showing

    def _show_next(self) -> None:
        self._ballot = ballot = self._booth.ballot()
        if ballot is None:
            self._show_result("every row was voted on")
            return
        self.remove_class("-over")
        self.query_one(KeyFooter).leave_out(())
        row = ballot.row
        self._put("asked", row.asked, "prompt")
        self._put("left", row.answers[ballot.left], "")
        self._put("right", row.answers[ballot.right], "")
        standing = (
            f"{counted(len(self._booth.fresh), 'row')} left · {blind_standing(self._booth.votes, self._booth.arms)}"
        )
        self.query_one("#standing", LinesView).show([[(standing, "dim")]], hang=1)

    def _put(self, name: str, text: str, style: str) -> None:
        shown = Content.styled(visible(text), style_of(style)) if text.strip() else Content.styled("nothing", "dim")
        self.query_one(f"#{name}", Passage).show_text(lambda width: shown)

    def _show_result(self, why: str) -> None:
        self._ballot = None
        self.add_class("-over")
        self.query_one(KeyFooter).leave_out(("left_better", "right_better", "alike"))
        more: list[Line] = [[("", "")], [(why, "dim")]]
        if self._booth.left_out:
            count = counted(self._booth.left_out, "row")
            more.append([(f"{count} left out: both answers say the same, or one failed", "dim")])
        self.query_one("#result", LinesView).show([*result_lines(self._booth.votes, self._booth.arms), *more])

    # -- keys

    def action_left_better(self) -> None:
        self._vote(LEFT)

    def action_right_better(self) -> None:
        self._vote(RIGHT)

    def action_alike(self) -> None:
        self._vote(TIE)

    def _vote(self, better: str) -> None:
        if self._ballot is None:
            return
        self._booth.vote(self._ballot, better)
        self._show_next()

    def action_undo_vote(self) -> None:
        if self._booth.undo():
            self._show_next()

    def action_scroll_texts(self) -> None:
        self._scroll(3)

    def action_scroll_texts_back(self) -> None:
        self._scroll(-3)

    def _scroll(self, lines: int) -> None:
        for pane in self.query(Passage):
            pane.scroll_relative(y=lines, animate=False)

    async def action_dismiss(self, result: None = None) -> None:
        """Names and numbers first: only who has seen them leaves."""
        if self._ballot is not None and self._booth.votes:
            self._show_result("the votes are kept: v goes on with them")
        else:
            self.dismiss(None)
