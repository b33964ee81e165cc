"""Answers to a few fixed prompts at each evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts.looking_back import sampled_by
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import FrozenRow
from studio.runs.samples import Sample, append_samples, read_samples
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


@pytest.mark.parametrize("method", ["lora", "full"])
def test_one_sees_the_model_learn_to_answer(method: str, tmp_path: Path, tiny_model_folder: Path) -> None:
    project = Project.init(tmp_path / "desk")
    rows = [FrozenRow(number, "", f"say {number}", "yes yes") for number in range(24)]
    rate = 2e-2 if method == "lora" else 5e-3
    spec = tiny_spec(tiny_model_folder, method=method, samples=2, epochs=6, learning_rate=rate, eval_every=18)
    run = make_run(project.runs_path / "train-1", spec, train=rows[:16], validation=rows[16:])
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    steps = [event["step"] for event in named(events, "evaluation")]
    found = sampled_by(project, "train-1")
    assert [one.row.example_id for one in found] == [16, 20], "from all over the validation rows"
    for one in found:
        assert [sample.step for sample in one.samples] == steps
        assert one.samples[-1].text.startswith("yes yes"), "what it says by then is what it was taught"
        assert one.samples[0].text != one.samples[-1].text or steps[0] > 0


def test_without_the_setting_nothing_is_answered_and_the_verb_says_how_to_ask(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    project = Project.init(tmp_path / "desk")
    run = make_run(project.runs_path / "train-1", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(4))
    run_here(run)
    assert not run.samples_path.exists()
    with pytest.raises(StudioError, match="has no samples") as refused:
        sampled_by(project, "train-1")
    assert "samples=3" in refused.value.hint


def test_of_a_step_that_was_done_again_the_newest_answer_is_shown(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder), train=colour_rows(1))
    append_samples(run, [Sample(10, 3, "old"), Sample(10, 1, "b"), Sample(5, 3, "before")])
    append_samples(run, [Sample(10, 3, "new")])
    found = [(sample.example_id, sample.step, sample.text) for sample in read_samples(run)]
    assert found == [(3, 5, "before"), (3, 10, "new"), (1, 10, "b")]
