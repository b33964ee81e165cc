"""What the stories of Window, Runs, Compare and Try share: run directories written by hand, an app on one screen."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from studio.files import write_whole
from studio.project import Project
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.events import ArmAsked, Evaluation, Event, EventWriter, Finished, Plan, Progressed, Started, Step
from studio.runs.specs import CompareSpec, TrainSpec
from studio.tui.app import StudioApp
from tests.tiny_model import write_tokenizer
from tests.tui.data_story import WIDE
from tests.tui.resting import settle

STEPS = 40
RECORDED = Path(__file__).parents[1] / "recorded"


@asynccontextmanager
async def opened_on(project: Project, screen: str, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[None]]:
    app = StudioApp(project, first_screen=screen)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


def model_without_weights(folder: Path, context_window: int = 256) -> Path:
    """What counting tokens needs of a model; the weights' file is there and empty."""
    write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": context_window, "model_type": "llama"}))
    (folder / "model.safetensors").touch()
    return folder


def train_run(
    project: Project,
    run_id: str,
    steps: int = STEPS,
    ends: Event | None = None,
    floor: float = 0.3,
    tasks: Mapping[str, float] | None = None,
) -> RunDirectory:
    """A train run as its worker leaves it after ``steps`` steps; ``ends`` is its final event."""
    directory = RunDirectory(project.runs_path / run_id)
    directory.path.mkdir(parents=True)
    events = EventWriter(directory.events_path)
    events.write(Started(pid=1, host="here", kind="train"))
    events.write(
        Plan(steps=STEPS, steps_per_epoch=20, rows=320, validation_rows=20, tokens_per_epoch=9000, dtype="bfloat16")
    )
    write_steps(events, 1, steps, floor, tasks)
    if ends:
        events.write(ends)
    events.close()
    directory.log_path.write_text("loading the model\nKilled\n")
    directory.process_path.write_text("{}")
    write_whole(directory.spec_path, TrainSpec(base_model="tiny").to_json())
    return directory


def recorded_runs(project: Project) -> list[RunDirectory]:
    """The recorded demo's runs in ``project``, the training first: runs are listed by age, newest first."""
    names = sorted((path.parent.name for path in RECORDED.glob("*/spec.json")), reverse=True)
    return [_recorded(project, name, age) for age, name in enumerate(names)]


def _recorded(project: Project, name: str, age: int) -> RunDirectory:
    directory = RunDirectory(shutil.copytree(RECORDED / name, project.runs_path / name))
    directory.process_path.write_text("{}")
    os.utime(directory.spec_path, (age, age))
    return directory


def write_steps(
    events: EventWriter, first: int, last: int, floor: float = 0.3, tasks: Mapping[str, float] | None = None
) -> None:
    """``tasks``: by how much the loss of each is above that of all together."""
    for step in range(first, last + 1):
        loss = floor + 2 * math.exp(-step / 10)
        events.write(
            Step(
                step=step,
                epoch=step / 20,
                tokens=step * 200,
                loss=loss,
                learning_rate=1e-3,
                grad_norm=1.0,
                tokens_per_second=230.0,
                memory_bytes=2_800_000_000,
            )
        )
        if step % 10 == 0:
            of_tasks = {task: loss + 0.1 + above for task, above in (tasks or {}).items()}
            events.write(Evaluation(step=step, eval_loss=loss + 0.1, tokens=step * 200, task_losses=of_tasks))


TEST_ROWS = [
    FrozenRow(1, "tickets", "my printer broke", '{"product": "printer", "urgency": "low"}'),
    FrozenRow(2, "tickets", "where is my lamp?", '{"product": "lamp", "urgency": "high"}'),
    FrozenRow(3, "tone", "thanks a lot!", "friendly"),
]
ANSWERS = {
    "zero_shot": [
        "Sure! [bold]Here[/bold] you go \x1b[2J",
        '{"product": "lamp", "urgency": "high"}',
        "a friendly tone",
    ],
    "few_shot:5": ['{"product": "printer", "urgency": "high"}', '{"product": "lamp", "urgency": "high"}', "friendly"],
    "tuned": ['{"product": "printer", "urgency": "low"}', '{"product": "lamp", "urgency": "mid"}', "friendly"],
}


def comparison(
    project: Project, run_id: str, arms: Sequence[str] = tuple(ANSWERS), *, is_finished: bool = True
) -> RunDirectory:
    """A comparison with every answer of ``arms`` given."""
    directory = RunDirectory(project.runs_path / run_id)
    directory.path.mkdir(parents=True)
    write_rows(directory.rows_path("test"), TEST_ROWS)
    events = EventWriter(directory.events_path)
    events.write(Started(pid=1, host="here", kind="compare"))
    for arm in arms:
        events.write(ArmAsked(arm=arm, max_new_tokens=32, prompts=3, left_out=0, prompt_tokens_mean=71.0))
        events.write(Progressed(arm=arm, done=3 if is_finished else 1, total=3, tokens_per_second=90.0))
    if is_finished:
        events.write(Finished(seconds=4.0))
    events.close()
    _take_seconds(directory, 4.0)
    lines = [_prediction(arm, at) for arm in arms for at in range(3)]
    directory.predictions_path.write_text("\n".join(lines) + '\n{"key": "torn by a cra')
    directory.process_path.write_text("{}")
    write_whole(directory.spec_path, CompareSpec(base_model="tiny", run_id="train-1", arms=tuple(arms)).to_json())
    return directory


def _take_seconds(directory: RunDirectory, seconds: float) -> None:
    """Let the last event be so much later: a story writes all of them within a millisecond."""
    *before, last = directory.events_path.read_text().splitlines()
    event = json.loads(last)
    later = {**event, "time": event["time"] + seconds, "clock": event["clock"] + seconds}
    directory.events_path.write_text("\n".join([*before, json.dumps(later)]) + "\n")


def _prediction(arm: str, at: int) -> str:
    row = TEST_ROWS[at]
    facts = {"tokens": 9, "latency_seconds": 0.4, "prompt_tokens": 71 if arm != "few_shot:5" else 482, "is_cut": False}
    text = ANSWERS[arm][at]
    return json.dumps(
        {"key": f"{arm}{at}", "arm": arm, "example_id": row.example_id, "task": row.task, "text": text, **facts}
    )
