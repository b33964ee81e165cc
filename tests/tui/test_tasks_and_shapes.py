"""Stories of renaming a task from its row, and of writing the view in another shape."""

from __future__ import annotations

import json
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.tui.screens.data.taking import with_shape
from tests.tui.data_story import opened, press, project_with, said


async def enter(pilot: Pilot[None], text: str) -> None:
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.value = text
    await press(pilot, "enter")


async def test_a_task_is_merged_into_another_and_the_view_is_written_as_messages(tmp_path: Path) -> None:
    rows = [Candidate("a", "1", task="tone"), Candidate("b", "2", task="[b]mood"), Candidate("c", "3", task="tone")]
    project = project_with(tmp_path, rows)
    path = tmp_path / "rows.jsonl"
    async with opened(project) as pilot:
        await press(pilot, "j", ":")
        await enter(pilot, "rename_task")
        await enter(pilot, "tone")
        assert said(pilot) == "rename the task [b]mood to tone of 1 example · saved · u undoes"
        await press(pilot, "u")
        await press(pilot, "w")
        await enter(pilot, f"{path} as messages")
        assert said(pilot) == f"wrote 3 examples to {path}"
    assert [json.loads(line)["messages"][0]["content"] for line in path.read_text().splitlines()] == ["a", "b", "c"]
    with Store.open(project.store_path, "anna") as store:
        assert store.stats().tasks == {"tone": 2, "[b]mood": 1}


def test_a_file_may_be_called_as_it_likes() -> None:
    assert with_shape("rows.jsonl as sharegpt ") == ("rows.jsonl", "sharegpt")
    assert with_shape("such as it is.jsonl") == ("such as it is.jsonl", "pair")
