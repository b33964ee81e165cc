"""Try: one prompt, the base model and a run answering side by side as they write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TextArea

from studio.acts.answering import tuned_run_ids
from studio.acts.trying import Answerer, Answering, Reply, answering_by
from studio.reports.numbers import number
from studio.reports.visible import visible
from studio.tui import actions, styles
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.try_prompt.answer_panel import AnswerPanel

ARMS = ("base", "tuned")
MAX_NEW_TOKENS = 256


@dataclass
class Replied(Message):
    """The answering process said something."""

    reply: Reply


@dataclass
class Round:
    """One prompt and its answers; ``waiting`` are the arms whose answer has not ended."""

    request_id: int
    waiting: set[str] = field(default_factory=set)


class TryScreen(StudioScreen):
    """The models live in a process of their own, started with the first question and ended with the studio."""

    NAME = "Try"
    IS_TYPED_INTO = True
    BINDINGS = actions.bindings_for("Try")
    AUTO_FOCUS = "TextArea"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's own way
    DEFAULT_CSS = """
    TryScreen #prompt { height: 30%; min-height: 5; }
    TryScreen #prompt TextArea { border: none; padding: 0; }
    TryScreen #answers { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._answerer: Answerer | None = None
        self._is_ready = False
        self._round = Round(0)
        self._runs: list[str] = []
        self._run_id = ""

    def body(self) -> Iterable[Widget]:
        with Vertical(id="prompt", classes="panel") as prompt:
            prompt.border_title = "prompt"
            prompt.border_subtitle = "ctrl+j asks · esc cancels"
            yield TextArea(show_line_numbers=False, compact=True)
        with Horizontal(id="answers"):
            for arm in ARMS:
                yield AnswerPanel(id=arm)

    def on_mount(self) -> None:
        self._find_runs()

    def on_screen_resume(self) -> None:
        self._find_runs()

    def on_unmount(self) -> None:
        if self._answerer is not None:
            self._answerer.close()

    # -- which models

    def _find_runs(self) -> None:
        self.ask("runs", lambda: tuned_run_ids(self.project), self._found_runs)

    def _found_runs(self, runs: list[str]) -> None:
        if self._run_id not in runs:
            self._run_id = runs[0] if runs else ""
        self._runs = runs
        self._draw_titles()

    def _draw_titles(self) -> None:
        base, tuned = self.query_one("#base", AnswerPanel), self.query_one("#tuned", AnswerPanel)
        base.border_title = "base model"
        tuned.border_title = styles.title(f"tuned · {visible(self._run_id)}" if self._run_id else "tuned")
        if not self._run_id:
            tuned.show_words("No run has made a model yet. F4 Runs, then n starts one.")
        elif tuned.is_idle:
            place = self._runs.index(self._run_id) + 1
            tuned.show_words(
                f"run {place} of {len(self._runs)}" + (" · ctrl+o takes the next" if len(self._runs) > 1 else "")
            )

    def action_choose_run(self) -> None:
        if len(self._runs) < 2:
            self.say("there is no other run to choose")
            return
        self._run_id = self._runs[(self._runs.index(self._run_id) + 1) % len(self._runs)]
        self._cancel()
        self.query_one("#tuned", AnswerPanel).clear()
        self._draw_titles()

    # -- asking

    def action_ask(self) -> None:
        if not self.query_one(TextArea).text.strip():
            self.say("type a prompt first", "warning")
            return
        run_id = self._run_id
        self.ask("models", lambda: answering_by(self.project, run_id=run_id), self._ask_models)

    def _ask_models(self, by: Answering) -> None:
        if self._answerer is None:
            self._is_ready = False
            self._answerer = Answerer(self._replied)
        arms = {"base", "tuned"} if by.tuned_path else {"base"}
        self._round = Round(self._round.request_id + 1, arms)
        for arm in arms:
            self.query_one(f"#{arm}", AnswerPanel).wait("waiting …" if self._is_ready else "loading the model …")
        self._answerer.ask(self._round.request_id, by, self.query_one(TextArea).text, max_new_tokens=MAX_NEW_TOKENS)
        self.say("asked · esc cancels")

    def _replied(self, reply: Reply) -> None:
        self.post_message(Replied(reply))  # from the reader's thread: nothing of the screen may be touched here

    def on_replied(self, message: Replied) -> None:
        reply = message.reply
        if "error" in reply:
            self._take_error(reply)
        elif reply.get("ready"):
            self._is_ready = True
        elif reply.get("id") == self._round.request_id and reply.get("arm") in ARMS:
            self._take_piece(self.query_one(f"#{reply['arm']}", AnswerPanel), reply)

    def _take_piece(self, panel: AnswerPanel, reply: Reply) -> None:
        if reply.get("done"):
            panel.end(facts_of(reply))
            self._round.waiting.discard(reply["arm"])
            if not self._round.waiting:
                self.say("answered")
        else:
            panel.add(str(reply.get("text", "")))

    def _take_error(self, reply: Reply) -> None:
        error = reply["error"]
        if "id" in reply and reply["id"] != self._round.request_id:
            return
        for arm in self._round.waiting:
            self.query_one(f"#{arm}", AnswerPanel).fail(error["message"], error.get("hint", ""))
        self._round.waiting.clear()
        self.say(error["message"], "error")
        if (
            "id" not in reply and self._answerer is not None
        ):  # the process itself has ended: the next question starts another
            self._answerer.close()
            self._answerer = None

    def action_back(self) -> None:
        if self._round.waiting:
            self._cancel()
            self.say("cancelled")

    def _cancel(self) -> None:
        if self._answerer is not None and self._round.waiting:
            self._answerer.cancel()
        for arm in self._round.waiting:
            self.query_one(f"#{arm}", AnswerPanel).end("cancelled")
        self._round = Round(self._round.request_id + 1)

    def action_clear(self) -> None:
        self.query_one(TextArea).clear()
        self.query_one(TextArea).focus()


def facts_of(reply: Reply) -> str:
    """What an answer took and, where it is said, in which dtype it was given: dtypes answer differently."""
    facts = [
        f"{number(reply['tokens'])} tokens",
        f"{reply['tokens_per_second']:.1f} tok/s",
        f"prompt {number(reply['prompt_tokens'])} tokens",
        str(reply.get("dtype", "")),
    ]
    return " · ".join(filter(None, facts))
