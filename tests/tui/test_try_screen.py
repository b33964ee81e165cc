"""Stories of the Try screen; the answering process is played by a list of replies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from studio.acts.trying import Question
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.events import Finished
from studio.tui.screens.try_prompt.answer_panel import AnswerPanel
from studio.turns import turns_in
from tests.tui.data_story import press, said, shown
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights, opened_on, train_run

Reply = dict[str, Any]


class PlayedAnswerer:
    """Keeps what it was asked; the test sends the replies."""

    newest: PlayedAnswerer

    def __init__(self, on_reply: Callable[[Reply], None]) -> None:
        self.on_reply = on_reply
        self.asked: list[tuple[int, Question]] = []
        self.cancelled = 0
        self.is_closed = False
        PlayedAnswerer.newest = self

    def ask(self, request_id: int, question: Question) -> None:
        self.asked.append((request_id, question))

    def cancel(self) -> None:
        self.cancelled += 1

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("studio.tui.screens.try_prompt.screen.Answerer", PlayedAnswerer)
    project = Project.init(tmp_path / "project", base_model=str(model_without_weights(tmp_path / "model")))
    train_run(project, "train-1", ends=Finished(seconds=1.0)).result_path("adapter").mkdir()
    return project


async def ask(pilot: Pilot[None], prompt: str) -> PlayedAnswerer:
    pilot.app.screen.query_one(TextArea).text = prompt
    await press(pilot, "ctrl+j")
    return PlayedAnswerer.newest


async def reply(pilot: Pilot[None], answerer: PlayedAnswerer, **said_by_worker: Any) -> None:
    answerer.on_reply(said_by_worker)
    await settle(pilot)


async def test_both_models_answer_side_by_side_as_they_write(project: Project) -> None:
    async with opened_on(project, "try") as pilot:
        answerer = await ask(pilot, "where is\nmy order?")
        request_id, question = answerer.asked[0]
        base, tuned = question.arms
        assert base.messages == tuned.messages == [{"role": "user", "content": "where is\nmy order?"}]
        assert base.answering.tuned_path == "" and tuned.answering.tuned_path.endswith("train-1/adapter")
        assert shown(pilot).count("loading the model …") == 2
        await reply(pilot, answerer, ready=True)
        await reply(pilot, answerer, id=request_id, arm="zero_shot", text="Sure! [b]I")
        await reply(pilot, answerer, id=request_id, arm="tuned", text='{"order": 7}')
        assert "Sure! [b]I▌" in shown(pilot)
        assert '{"order": 7}▌' in shown(pilot)
        await reply(
            pilot,
            answerer,
            id=request_id,
            arm="zero_shot",
            done=True,
            tokens=3,
            tokens_per_second=18.25,
            prompt_tokens=71,
        )
        assert "3 tokens · 18.2 tok/s · prompt 71 tokens" in shown(pilot)
        facts = {"tokens": 2, "tokens_per_second": 9.0, "prompt_tokens": 71, "dtype": "bfloat16"}
        await reply(pilot, answerer, id=request_id, arm="tuned", done=True, **facts)
        assert "2 tokens · 9.0 tok/s · prompt 71 tokens · bfloat16" in shown(pilot), "dtypes answer differently"
    assert answerer.is_closed


async def test_esc_cancels_and_late_pieces_are_dropped(project: Project) -> None:
    async with opened_on(project, "try") as pilot:
        answerer = await ask(pilot, "hello")
        request_id = answerer.asked[0][0]
        await press(pilot, "escape")
        assert answerer.cancelled == 1
        assert said(pilot) == "cancelled"
        await reply(pilot, answerer, id=request_id, arm="zero_shot", text="too late")
        assert "too late" not in shown(pilot)


async def test_a_process_that_ended_is_said_and_the_next_question_starts_another(project: Project) -> None:
    async with opened_on(project, "try") as pilot:
        first = await ask(pilot, "hello")
        await reply(pilot, first, error={"message": "the answering process has ended.", "hint": "Killed"})
        assert "✗ the answering process has ended." in shown(pilot)
        assert "Killed" in shown(pilot)
        assert first.is_closed
        assert await ask(pilot, "again") is not first


async def test_without_a_run_the_base_model_answers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.tui.screens.try_prompt.screen.Answerer", PlayedAnswerer)
    project = Project.init(tmp_path / "project", base_model=str(model_without_weights(tmp_path / "model")))
    async with opened_on(project, "try") as pilot:
        assert "When a run has made a model" in shown(pilot)
        await press(pilot, "ctrl+j")
        assert said(pilot) == "type a prompt first"
        answerer = await ask(pilot, "hello")
        assert [arm.text for arm in answerer.asked[0][1].arms] == ["zero_shot"]


async def test_a_conversation_goes_on_and_an_answer_is_kept_as_a_row_and_as_a_correction(project: Project) -> None:
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate("where is my order?", "no idea", "tickets")], "rows.jsonl")
    async with opened_on(project, "try") as pilot:
        await press(pilot, "ctrl+n")
        assert said(pilot) == "ask first, then go on"
        answerer = await ask(pilot, "where is my order?")
        facts = {"tokens": 3, "tokens_per_second": 18.0, "prompt_tokens": 71}
        for arm, text in (("zero_shot", "in space"), ("tuned", "on its way")):
            await reply(pilot, answerer, id=1, arm=arm, text=text)
            await reply(pilot, answerer, id=1, arm=arm, done=True, **facts)
        pilot.app.post_message(events.Key("alt+k", "k"))  # as tmux sends it
        await settle(pilot)
        assert said(pilot) == "tab goes to the answer to keep" and "where is my order?k" not in shown(pilot)
        pilot.app.screen.query(AnswerPanel)[1].focus()
        await press(pilot, "alt+k")
        assert said(pilot) == "example 1 has this answer now; u takes it back"
        await press(pilot, "ctrl+n")
        assert "prompt · turn 2" in shown(pilot) and "› where is my order?" in shown(pilot)
        await ask(pilot, "since when?")
        question = answerer.asked[1][1]
        answers = {arm.text: [message["content"] for message in arm.messages] for arm in question.arms}
        assert answers["zero_shot"] == ["where is my order?", "in space", "since when?"]
        assert answers["tuned"] == ["where is my order?", "on its way", "since when?"]
        await reply(pilot, answerer, id=2, arm="zero_shot", error={"message": "it is down", "hint": "start it"})
        await reply(pilot, answerer, id=2, arm="tuned", text="since monday")
        await reply(pilot, answerer, id=2, arm="tuned", done=True, **facts)
        assert "✗ it is down" in shown(pilot) and "start it" in shown(pilot)
        await press(pilot, "alt+k")
        assert said(pilot) == "kept as example 2; u takes it back"
        await press(pilot, "ctrl+l")
        assert "turn 2" not in shown(pilot)
    with Store.open(project.store_path, "anna") as store:
        first, second = store.examples([1, 2])
        assert (first.completion, first.task) == ("on its way", "tickets")
        assert (second.prompt, second.completion) == ("since when?", "since monday")
        assert [turn.text for turn in turns_in(second.context)] == ["where is my order?", "on its way"]


async def test_any_arms_are_chosen_with_how_they_choose_their_words(project: Project) -> None:
    with Store.open(project.store_path, "anna") as store:
        texts = [(f"where is lamp {number}", f"in room {number}") for number in range(4)]
        store.add([Candidate(*pair, "tickets", split="train") for pair in texts], "rows.jsonl")
    project.settings_path.write_text(
        project.settings_path.read_text() + '\n[endpoints.mine]\nurl = "http://x/v1"\nmodel = "m"\n'
    )
    async with opened_on(project, "try") as pilot:
        await press(pilot, "ctrl+g")
        dialog = pilot.app.screen
        dialog.query_one("#row-arms Input", Input).value = "few_shot:2,nonsense"
        await settle(pilot)
        assert "unknown arm 'nonsense'" in shown(pilot)
        dialog.query_one("#row-arms Input", Input).value = "few_shot:2:similar,rag:1,endpoint:mine"
        dialog.query_one("#row-temperature Input", Input).value = "0.7"
        await press(pilot, "ctrl+j")
        assert all(title in shown(pilot) for title in ("few_shot:2:similar", "rag:1", "endpoint:mine"))
        answerer = await ask(pilot, "lamp 3")
        _, question = answerer.asked[0]
        assert question.settings.temperature == 0.7
        similar, rag, served = question.arms
        assert similar.messages[-3]["content"] == "where is lamp 3" and len(similar.messages) == 5
        assert "where is lamp 3\nin room 3" in rag.messages[-1]["content"] and rag.sources == ["example 4"]
        assert "sources example 4" in shown(pilot)
        assert served.answering.endpoint is not None and served.messages == [{"role": "user", "content": "lamp 3"}]
