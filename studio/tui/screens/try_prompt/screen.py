"""Try: one prompt, or a conversation, several arms answering side by side as they write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TextArea

from studio.acts.answering import tuned_run_ids
from studio.acts.trying import Answerer, Question, Reply, keep_answer, question_for
from studio.errors import StudioError
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.runs.trying import MOST_ARMS, TrySettings
from studio.tui import actions, styles
from studio.tui.screens.base import StudioScreen
from studio.tui.screens.try_prompt.answer_panel import AnswerPanel
from studio.turns import Turn, turns_in, written

TUNED = "tuned"
BEFORE_A_RUN = TrySettings(arms=("zero_shot",))


@dataclass
class Replied(Message):
    """The answering process said something."""

    reply: Reply


@dataclass
class Round:
    """One prompt and its answers; ``waiting`` are the arms whose answer has not ended."""

    request_id: int
    prompt: str = ""
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
        self._settings = BEFORE_A_RUN
        self._contexts: dict[str, str] = {}
        self._is_usual = True  # until a person has chosen, the newest run answers as soon as there is one

    def body(self) -> Iterable[Widget]:
        with Vertical(id="prompt", classes="panel") as prompt:
            prompt.border_title = "prompt"
            prompt.border_subtitle = "ctrl+j asks · esc cancels"
            yield TextArea(show_line_numbers=False, compact=True)
        with Horizontal(id="answers"):
            for _ in range(MOST_ARMS):
                yield AnswerPanel()

    def on_mount(self) -> None:
        self._show_panels()
        self._find_runs()

    def on_screen_resume(self) -> None:
        self._find_runs()

    def on_unmount(self) -> None:
        if self._answerer is not None:
            self._answerer.close()

    # -- who answers

    def _find_runs(self) -> None:
        self.ask("runs", lambda: tuned_run_ids(self.project), self._found_runs)

    def _found_runs(self, runs: list[str]) -> None:
        self._runs = runs
        if self._is_usual and runs and not self._settings.run_id:
            self._take_settings(replace(self._settings, arms=("zero_shot", TUNED), run_id=runs[0]))
        self._draw_titles()

    def _show_panels(self) -> None:
        """One panel an arm; what an arm said that stays where it was stays too."""
        arms = self._settings.arms
        for panel, arm in zip(self.query(AnswerPanel), [*arms, *[""] * MOST_ARMS], strict=False):
            panel.display = bool(arm)
            if panel.arm != arm:
                panel.arm = arm
                panel.clear()
        self._draw_titles()

    def _panel(self, arm: str) -> AnswerPanel:
        return next(panel for panel in self.query(AnswerPanel) if panel.arm == arm)

    def _draw_titles(self) -> None:
        turns = len(turns_in(next(iter(self._contexts.values()), ""))) // 2
        self.query_one("#prompt").border_title = f"prompt · turn {turns + 1}" if turns else "prompt"
        for panel in self.query(AnswerPanel):
            if not panel.arm:
                continue
            run = f" · {visible(self._settings.run_id)}" if panel.arm.partition("+")[0] == TUNED else ""
            panel.border_title = styles.title(f"{visible(panel.arm)}{run}")
            if not panel.is_idle:
                continue
            if not self._runs and self._is_usual and panel.arm == "zero_shot":
                panel.show_words("ctrl+j asks. When a run has made a model, it answers beside: F4 Runs, n starts one.")
            elif run:
                self._show_run(panel)
            else:
                panel.show_words("")

    def _show_run(self, panel: AnswerPanel) -> None:
        if self._settings.run_id in self._runs:
            place = self._runs.index(self._settings.run_id) + 1
            more = " · ctrl+o takes the next" if len(self._runs) > 1 else ""
            panel.show_words(f"run {place} of {len(self._runs)}{more}")

    def action_choose_run(self) -> None:
        if len(self._runs) < 2 or not any(arm.by.source == TUNED for arm in self._settings.parsed_arms):
            self.say("there is no other run to choose")
            return
        at = self._runs.index(self._settings.run_id) if self._settings.run_id in self._runs else -1
        self._cancel()
        self._take_settings(replace(self._settings, run_id=self._runs[(at + 1) % len(self._runs)]))

    def action_settings(self) -> None:
        from studio.tui.dialogs.try_settings import TrySettingsDialog

        self.app.push_screen(TrySettingsDialog(self._settings), self._chose_settings)

    def _chose_settings(self, settings: TrySettings | None) -> None:
        if settings is not None:
            self._is_usual = False
            self._cancel()
            self._take_settings(settings)

    def _take_settings(self, settings: TrySettings) -> None:
        """Whoever answers from now on begins anew where it is another one than before."""
        if settings.run_id != self._settings.run_id:
            for panel in self.query(AnswerPanel):
                if panel.arm.partition("+")[0] == TUNED:
                    panel.clear()
        self._settings = settings
        self._contexts = {arm: context for arm, context in self._contexts.items() if arm in settings.arms}
        self._show_panels()

    # -- asking

    def action_ask(self) -> None:
        prompt = self.query_one(TextArea).text
        if not prompt.strip():
            self.say("type a prompt first", "warning")
            return
        store, settings, contexts = self.store, self._settings, dict(self._contexts)
        self.ask(
            "models",
            lambda: question_for(self.project, store, settings, prompt, contexts),
            lambda question: self._ask_arms(question, prompt),
        )

    def _ask_arms(self, question: Question, prompt: str) -> None:
        if self._answerer is None:
            self._is_ready = False
            self._answerer = Answerer(self._replied)
        arms = {arm.text for arm in question.arms} & set(self._settings.arms)
        self._round = Round(self._round.request_id + 1, prompt, arms)
        for arm in question.arms:
            if arm.text in arms:
                is_local = arm.answering.endpoint is None
                words = "waiting …" if self._is_ready or not is_local else "loading the model …"
                self._panel(arm.text).wait(words, arm.sources)
        self._answerer.ask(self._round.request_id, question)
        self.say("asked · esc cancels")

    def _replied(self, reply: Reply) -> None:
        self.post_message(Replied(reply))  # from the reader's thread: nothing of the screen may be touched here

    def on_replied(self, message: Replied) -> None:
        reply = message.reply
        is_of_round = reply.get("id") == self._round.request_id and reply.get("arm") in self._round.waiting
        if reply.get("ready"):
            self._is_ready = True
        elif is_of_round:
            self._take_piece(self._panel(str(reply["arm"])), reply)
        elif "error" in reply and "arm" not in reply:
            self._take_error(reply)

    def _take_piece(self, panel: AnswerPanel, reply: Reply) -> None:
        if "error" in reply:
            panel.fail(reply["error"]["message"], reply["error"].get("hint", ""))
        elif reply.get("done"):
            panel.end(facts_of(reply))
        else:
            panel.add(str(reply.get("text", "")))
            return
        self._round.waiting.discard(panel.arm)
        if not self._round.waiting:
            self.say("answered")

    def _take_error(self, reply: Reply) -> None:
        error = reply["error"]
        if "id" in reply and reply["id"] != self._round.request_id:
            return
        for arm in self._round.waiting:
            self._panel(arm).fail(error["message"], error.get("hint", ""))
        self._round.waiting.clear()
        self.say(error["message"], "error")
        if "id" not in reply and self._answerer is not None:  # it has ended: the next question starts another
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
            self._panel(arm).end("cancelled")
        self._round = Round(self._round.request_id + 1, self._round.prompt)

    # -- what becomes of the answers

    def action_go_on(self) -> None:
        """Every arm's answer becomes a turn of its own conversation."""
        said = {panel.arm: panel.text for panel in self.query(AnswerPanel) if panel.text.strip()}
        if not said or self._round.waiting:
            self.say("wait for the answers, then go on" if self._round.waiting else "ask first, then go on", "warning")
            return
        for arm, text in said.items():
            turns = [Turn("user", self._round.prompt), Turn("assistant", text)]
            self._contexts[arm] = written([*turns_in(self._contexts.get(arm, "")), *turns])
            self._panel(arm).go_on(self._round.prompt)
        self.query_one(TextArea).clear()
        self.query_one(TextArea).focus()
        self._draw_titles()

    def action_keep(self) -> None:
        """Keep the answer of the pane with the keyboard, or of the only one that has one."""
        ended = [panel for panel in self.query(AnswerPanel) if panel.arm not in self._round.waiting]
        answered = [panel for panel in ended if panel.text.strip()]
        chosen = [panel for panel in answered if panel.has_focus] or answered
        if self.store is None or not chosen:
            self.say("there is no answer to keep", "warning")
            return
        if len(chosen) > 1:
            self.say("tab goes to the answer to keep", "warning")
            return
        (panel,) = chosen
        context = self._contexts.get(panel.arm, "")
        try:
            kept = keep_answer(self.store, self._round.prompt, panel.text, self._settings, context)
        except StudioError as error:
            self.say(str(error), "error")
            return
        self.shell.examples_changed(kept.example_ids, kept.summary)
        self.say(kept.summary)

    def action_clear(self) -> None:
        self._contexts.clear()
        for panel in self.query(AnswerPanel):
            panel.forget_turns()
        self.query_one(TextArea).clear()
        self.query_one(TextArea).focus()
        self._draw_titles()


def facts_of(reply: Reply) -> str:
    """What an answer took and, where it is said, in which dtype it was given: dtypes answer differently."""
    first, cost = reply.get("ttft_seconds"), reply.get("cost")
    facts = [
        counted(reply["tokens"], "token"),
        f"{reply['tokens_per_second']:.1f} tok/s",
        f"first after {first:.2f} s" if first else "",
        f"prompt {number(reply['prompt_tokens'])} tokens",
        str(reply.get("dtype") or ""),
        f"cost {cost:.6f}" if cost is not None else "",
        "cut" if reply.get("stop_reason") == "length" else "",
    ]
    return " · ".join(filter(None, facts))
