"""Answers to a few fixed prompts at each evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.acts.looking_back import sampled_by
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import FrozenRow
from studio.runs.samples import Sample, append_samples, read_samples
from studio.worker.families.greedy_decoding import GreedyDecoder
from studio.worker.training.sampling import MOST_NEW_TOKENS
from studio.worker.trying.arms import Arms
from tests.trying import request
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


def refuse_more_than(together: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Memory for so many answers at a time; how many were asked for each time."""
    answers, asked = GreedyDecoder.answers, list[int]()

    def refusing(decoder: Any, prompts: Any, batch_size: int, *others: Any) -> Any:
        asked.append(batch_size)
        if batch_size > together:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")
        return answers(decoder, prompts, batch_size, *others)

    monkeypatch.setattr(GreedyDecoder, "answers", refusing)
    return asked


@pytest.mark.parametrize(("together", "tries"), [(2, [8, 4, 2] * 2), (0, [8, 4, 2, 1])])
def test_answers_for_which_memory_is_not_enough_end_no_run_and_change_nothing_that_it_learns(
    together: int, tries: list[int], tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(tiny_model_folder, samples=3, epochs=1, eval_every=2, learning_rate=1e-3)
    rows = {"train": colour_rows(16), "validation": colour_rows(6, start=50)}
    enough = run_here(make_run(tmp_path / "enough", replace(spec, samples=0), **rows))
    asked = refuse_more_than(together, monkeypatch)
    run = make_run(tmp_path / "short", spec, **rows)
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    assert [step["loss"] for step in named(events, "step")] == [step["loss"] for step in named(enough, "step")]
    assert asked == tries
    warned = [event["message"] for event in named(events, "warning")]
    assert warned == ([] if together else ["not enough memory to answer sample prompts: from here on there are none"])
    assert len(read_samples(run)) == (6 if together else 0)


@pytest.mark.parametrize(("method", "model"), [("prompt_tuning", "llama"), ("lora", "t5"), ("full", "t5")])
def test_what_a_run_answers_is_what_its_result_answers_in_try(
    method: str, model: str, tmp_path: Path, tiny_model_folder: Path, tiny_t5_folder: Path
) -> None:
    folder = {"llama": tiny_model_folder, "t5": tiny_t5_folder}[model]
    spec = tiny_spec(folder, method=method, samples=2, epochs=2, learning_rate=2e-2, eval_every=1000)
    rows = colour_rows(6, start=50)
    run = make_run(tmp_path / "run", spec, train=colour_rows(12), validation=rows)
    assert run_here(run)[-1]["event"] == "finished"
    samples = [sample for sample in read_samples(run) if sample.step]
    asked = [rows[0], rows[3]]
    assert [sample.example_id for sample in samples] == [row.example_id for row in asked]
    tuned = run.result_path(spec.how.leaves)
    for row, sample in zip(asked, samples, strict=True):
        question = request(folder, row.prompt, tuned, method, max_new_tokens=MOST_NEW_TOKENS)
        replies = [reply for reply in Arms().answer(question) if reply["arm"] == "tuned"]
        assert sample.text == "".join(reply.get("text", "") for reply in replies)


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
