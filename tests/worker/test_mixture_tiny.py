"""Several tasks in one run: what a step sees, what each task's loss is, and which loss ends the run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from studio.runs.batches import Batches, Strand
from studio.runs.directory import FrozenRow
from studio.runs.events import Step
from studio.runs.watch import RunWatch
from studio.tokens.encoding import Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.session import Session
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

STRANDS = (Strand((0, 2, 4, 6, 8, 9, 10, 11), 4), Strand((1, 3, 5), 7), Strand((7,), 1))


def two_tasks(count: int, start: int = 0) -> list[FrozenRow]:
    """A third of them say how many, the others which colour."""
    rows = colour_rows(count, start)
    return [replace(row, task="count", completion="three") if row.example_id % 3 == 0 else row for row in rows]


def test_a_small_task_repeats_a_large_one_goes_on_where_it_stopped() -> None:
    batches = Batches(rows=12, batch_size=5, seed=3, strands=STRANDS)
    epochs = [[row for step in range(3) for row in batches.rows_of(3 * epoch + step + 1)] for epoch in range(6)]
    for epoch in epochs:
        of_strand = [sum(row in strand.rows for row in epoch) for strand in STRANDS]
        assert of_strand == [4, 7, 1]
    in_three = Counter(row for epoch in epochs[:3] for row in epoch if row in STRANDS[1].rows)
    assert set(in_three.values()) == {7}, "seven of three rows, three times: each came as often as the others"
    in_two = [row for row in epochs[0] + epochs[1] if row in STRANDS[0].rows]
    assert sorted(in_two) == sorted(STRANDS[0].rows), "two epochs of half of a task see all of it once"
    assert epochs[0] != epochs[2]


def test_a_step_s_rows_follow_from_seed_and_step_alone() -> None:
    """Whatever was asked before: a resumed run asks for step 7 first."""
    whole = Batches(rows=12, batch_size=5, seed=3, strands=STRANDS)
    seen = {step: whole.rows_of(step) for step in range(1, 13)}
    assert Batches(rows=12, batch_size=5, seed=3, strands=STRANDS).rows_of(7) == seen[7]
    assert whole.rows_of(2) == seen[2], "and back"


def test_tasks_that_are_mixed_as_they_are_come_in_the_order_without_a_mixture() -> None:
    plain = Batches(rows=12, batch_size=5, seed=3)
    mixed = Batches(rows=12, batch_size=5, seed=3, strands=tuple(Strand(one.rows, len(one.rows)) for one in STRANDS))
    assert [plain.rows_of(step) for step in range(1, 7)] == [mixed.rows_of(step) for step in range(1, 7)]


def test_a_mixture_is_told_before_the_start_and_each_task_s_loss_with_every_step(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(tiny_model_folder, mixture="equal", epochs=3, learning_rate=1e-2, early_stopping_on="count")
    rows, held_out = two_tasks(12), two_tasks(6, start=60)
    run = make_run(tmp_path / "run", spec, train=rows, validation=held_out)
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    (plan,) = named(events, "plan")
    assert plan["task_examples"] == {"colour": 6, "count": 6}
    encoded = encode_pairs(ModelFolder(tiny_model_folder), [Pair(row.prompt, row.completion) for row in rows])
    of_count = [row.total_tokens for row, frozen in zip(encoded, rows, strict=True) if frozen.task == "count"]
    assert plan["task_tokens"]["count"] == round(sum(of_count) * 6 / 4)
    assert plan["steps"] == 9 == len(named(events, "step"))
    for step in named(events, "step"):
        losses = step["task_losses"].values()
        assert min(losses) - 1e-6 <= step["loss"] <= max(losses) + 1e-6
    evaluations = named(events, "evaluation")
    assert all(one["watched_loss"] == one["task_losses"]["count"] for one in evaluations)
    best = min((one for one in evaluations if one["step"]), key=lambda one: one["watched_loss"])
    assert (events[-1]["best_step"], events[-1]["best_eval_loss"]) == (best["step"], best["watched_loss"])
    state = RunWatch(run).poll()
    assert (state.best_step, state.best_eval_loss) == (best["step"], best["watched_loss"])

    stopped = make_run(tmp_path / "stopped", spec, train=rows, validation=held_out)
    with monkeypatch.context() as patch:
        patch.setattr(Session, "is_stop_asked", lambda session: session.last_event(Step) is not None)
        run_here(stopped)
    again = {event["step"]: event["task_losses"] for event in named(run_here(stopped), "step")}
    for step in named(events, "step"):
        assert again[step["step"]] == pytest.approx(step["task_losses"], abs=2e-5)


def test_the_mean_over_tasks_counts_a_small_task_as_much_as_a_large_one(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    spec = tiny_spec(tiny_model_folder, epochs=1, early_stopping_on="mean")
    run = make_run(tmp_path / "run", spec, train=two_tasks(12), validation=two_tasks(6, start=60))
    for evaluation in named(run_here(run), "evaluation"):
        losses = evaluation["task_losses"].values()
        assert evaluation["watched_loss"] == pytest.approx(sum(losses) / 2)
        assert evaluation["watched_loss"] != evaluation["eval_loss"]


def test_a_run_of_one_task_says_nothing_of_tasks(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(8))
    assert all(step["task_losses"] == {} for step in named(run_here(run), "step"))


def test_early_stopping_on_a_task_without_validation_rows_is_refused(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, early_stopping_on="tone")
    run = make_run(tmp_path / "run", spec, train=two_tasks(8), validation=two_tasks(6))
    failed = run_here(run)[-1]
    assert failed["message"] == "early_stopping_on=tone: no validation row has this task."
    assert failed["hint"] == "Use one of: colour, count; or mean."
