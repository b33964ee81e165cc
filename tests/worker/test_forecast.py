"""Before its first step a run says what it will take, by steps that it tries and throws away."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.acts.measuring import measure
from studio.acts.training import plan_training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.reports.forecast import forecast_words, outcome_words
from studio.runs.events import EventWriter, Finished, Forecast, Plan, Started, Step
from studio.runs.watch import RunWatch
from studio.tokens.encoding import Encoded
from studio.worker.training import forecast
from studio.worker.training.prepare import Trainer
from tests.worker.test_out_of_memory import refuse_more_than
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

LONG_ENOUGH = {"epochs": 60, "save_every": 100, "eval_every": 100}


@pytest.mark.parametrize("method", ["lora", "full"])
def test_trials_change_nothing_of_what_is_learned(
    method: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(tiny_model_folder, method=method, lora_dropout=0.1, weight_decay=0.1, epochs=2, learning_rate=1e-2)
    rows = {"train": colour_rows(16), "validation": colour_rows(4, start=50)}
    monkeypatch.setattr(forecast, "MOST_SHARE", 0.0)
    without = run_here(make_run(tmp_path / "without", spec, **rows))
    monkeypatch.setattr(forecast, "MOST_SHARE", 10.0)
    tried = run_here(make_run(tmp_path / "tried", spec, **rows))
    assert (named(without, "forecast")[0]["measured_steps"], named(tried, "forecast")[0]["measured_steps"]) == (0, 5)
    for kind, what in (("step", "loss"), ("step", "grad_norm"), ("evaluation", "eval_loss")):
        assert [event[what] for event in named(tried, kind)] == [event[what] for event in named(without, kind)]


def test_a_run_says_time_with_an_interval_memory_and_disk_before_its_first_step(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, trial = list[list[int]](), forecast._trial

    def watched(trainer: Trainer, rows: list[Encoded]) -> forecast.Trial:
        tried.append([row.total_tokens for row in rows])
        heaviest.append(max(sum(sorted(_lengths(trainer, at))[-2:]) for at in range(1, trainer.steps + 1)))
        return trial(trainer, rows)

    heaviest = list[int]()
    monkeypatch.setattr(forecast, "MOST_SHARE", 0.2)
    monkeypatch.setattr(forecast, "_trial", watched)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, **LONG_ENOUGH), train=colour_rows(16))
    events = run_here(run)
    (said,) = named(events, "forecast")
    kinds = [event["event"] for event in events]
    assert kinds.index("plan") < kinds.index("forecast") < kinds.index("step")
    assert 0 < said["least_seconds"] < said["seconds"] < said["most_seconds"]
    assert said["seconds"] / 5 < events[-1]["seconds"] < said["seconds"] * 5  # the machine is a test machine
    assert said["memory_bytes"] > 50e6
    trained = named(events, "plan")[0]["trainable_parameters"]
    assert said["disk_bytes"] == 4 * trained * (3 * 3 + 1)  # three saves of three floats each, and the adapter
    kept = sum(path.stat().st_size for path in run.path.rglob("*.safetensors"))
    kept += sum(path.stat().st_size for path in run.path.rglob("training.pt"))
    assert kept < 2 * said["disk_bytes"]
    assert sum(tried[1][:2]) == heaviest[0], "after one row to warm up, the batch that takes the most memory"
    state = RunWatch(run).poll()
    assert forecast_words(state).startswith("forecast ") and " of disk" in forecast_words(state)
    assert ", took " in outcome_words(state)


def _lengths(trainer: Trainer, step: int) -> list[int]:
    return [trainer.data.train[row].total_tokens for row in trainer.batches.rows_of(step)]


def test_a_run_too_short_for_trials_loses_no_time_to_them_and_is_forecast_by_its_first_steps(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=5), train=colour_rows(8))
    events = run_here(run)
    before, after = named(events, "forecast")
    assert before["seconds"] is None and "said after its first steps" in before["note"] and before["disk_bytes"] > 0
    assert after["measured_steps"] == 5 and after["least_seconds"] < after["seconds"] < after["most_seconds"]
    assert [event["event"] for event in events].index("step") < events.index(after)
    assert ", took " in outcome_words(RunWatch(run).poll())


def test_a_batch_too_large_for_memory_is_made_smaller_before_the_first_step(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_more_than(1, monkeypatch)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, **LONG_ENOUGH), train=colour_rows(16))
    events = run_here(run)
    kinds = [event["event"] for event in events]
    assert kinds.index("warning") < kinds.index("forecast") < kinds.index("step")
    assert named(events, "warning")[0]["step"] == 0
    assert named(events, "plan")[-1]["micro_batch_size"] == 1


@pytest.mark.parametrize("what", ["memory", "disk"])
def test_a_run_that_cannot_fit_is_refused_before_its_first_step(
    what: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if what == "memory":
        refuse_more_than(0, monkeypatch)
    else:
        monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100_000))
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, **LONG_ENOUGH), train=colour_rows(16))
    events = run_here(run)
    assert events[-1]["event"] == "failed" and not named(events, "step")
    words: dict[str, Any] = {"memory": "before the first step: not enough memory", "disk": "and 0.1 MB are free on"}
    assert words[what] in events[-1]["message"] and events[-1]["hint"]


def test_the_interval_comes_from_what_was_measured() -> None:
    trials = [forecast.Trial(seconds, 100) for seconds in (1.0, 1.1, 0.8, 1.3, 1.0)]
    assert forecast._interval(trials, 0.0104) == pytest.approx((0.008, 0.013))
    even = [forecast.Trial(1.0, 100)] * 5
    assert forecast._interval(even, 0.01) == pytest.approx((0.01 / 1.05, 0.0105))


def test_a_finished_run_says_how_right_its_forecast_was(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "train-1", tiny_spec(tiny_model_folder))
    writer = EventWriter(run.events_path)
    step = Step(step=1, epoch=1.0, tokens=9, loss=1.0, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=9.0,
                memory_bytes=3_400_000_000)  # fmt: skip
    for event in (Started(pid=1), Plan(steps=1), Forecast(seconds=720.0, memory_bytes=3_300_000_000), step):
        writer.write(event)
    writer.write(Finished(seconds=790.0, step=1))
    writer.close()
    words = outcome_words(RunWatch(run).poll())
    assert words.startswith("forecast 12 m 00 s, took ") and words.endswith("3.3 GB of memory, took 3.4 GB")


def test_a_few_steps_are_measured_in_a_process_of_their_own_before_a_run_starts(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    project = Project.init(tmp_path / "desk", base_model=str(tiny_model_folder))
    with Store.open(project.store_path, "anna") as store:
        store.add([Candidate(f"what is {number}", f"it is {number}", split="train") for number in range(40)], "rows")
        plan = plan_training(
            project, store, tiny_spec(tiny_model_folder, base_model="", model_path="", epochs=1, max_length=128)
        )
        said: list[str] = []
        found = measure(project, store, plan, said.append)
    assert found is not None and found.seconds is not None, "also of a run too short to measure itself on"
    assert found.measured_steps >= 4 and found.memory_bytes > 0 and found.disk_bytes > 0
    assert said[-1] == "measuring a few steps"
    assert list(project.runs_path.iterdir()) == []
