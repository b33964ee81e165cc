"""Stories of the Try screen; the answering process is played by a list of replies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from studio.acts.trying import Answering
from studio.project import Project
from studio.runs.events import Finished
from tests.tui.data_story import press, said, shown
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights, opened_on, train_run

Reply = dict[str, Any]


class PlayedAnswerer:
    """Keeps what it was asked; the test sends the replies."""

    newest: PlayedAnswerer

    def __init__(self, on_reply: Callable[[Reply], None]) -> None:
        self.on_reply = on_reply
        self.asked: list[tuple[int, Answering, str]] = []
        self.cancelled = 0
        self.is_closed = False
        PlayedAnswerer.newest = self

    def ask(self, request_id: int, by: Answering, prompt: str, system: str = "", max_new_tokens: int = 256) -> None:
        self.asked.append((request_id, by, prompt))

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
        request_id, by, prompt = answerer.asked[0]
        assert prompt == "where is\nmy order?"
        assert by.tuned_path.endswith("train-1/adapter")
        assert shown(pilot).count("loading the model …") == 2
        await reply(pilot, answerer, ready=True)
        await reply(pilot, answerer, id=request_id, arm="base", text="Sure! [b]I")
        await reply(pilot, answerer, id=request_id, arm="tuned", text='{"order": 7}')
        assert "Sure! [b]I▌" in shown(pilot)
        assert '{"order": 7}▌' in shown(pilot)
        await reply(
            pilot, answerer, id=request_id, arm="base", done=True, tokens=3, tokens_per_second=18.25, prompt_tokens=71
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
        await reply(pilot, answerer, id=request_id, arm="base", text="too late")
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
        assert "No run has made a model yet." in shown(pilot)
        await press(pilot, "ctrl+j")
        assert said(pilot) == "type a prompt first"
        answerer = await ask(pilot, "hello")
        assert answerer.asked[0][1].tuned_path == ""
