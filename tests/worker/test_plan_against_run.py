"""Whatever a run is asked, its plan says to the row, the step and the token what it then does.

``tests/acts/test_plan_and_run.py`` holds the plan against the rows as a run reads them; here whole runs are made.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.acts.training import start_training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, read_rows, runs_in
from studio.runs.specs import TrainSpec
from tests.acts.test_plan_and_run import planned
from tests.worker.worker_runs import named, run_here


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Project:
    """Two tasks, all labels, two splits, every length: the rows of any spec are others."""
    project = Project.init(tmp_path_factory.mktemp("mixed"), base_model=str(tiny_model_folder))
    rows = [
        Candidate(
            f"{number} " + "sky " * prompt,
            "blue " * completion,
            ("colours", "things")[number % 2],
            split="validation" if number % 5 == 4 else "train",
        )
        for number, (prompt, completion) in enumerate([(2, 2), (9, 3), (3, 9), (14, 1), (1, 12), (5, 5)] * 3)
    ]
    with Store.open(project.store_path, "anna") as store:
        store.add(rows, "rows")
        for label, ids in (("accept", [1, 4, 7, 10, 13]), ("reject", [2, 8]), ("skip", [3, 12])):
            store.set_label(ids, label)
    return project


SPECS = st.builds(
    TrainSpec,
    max_length=st.integers(24, 120),
    overlong=st.sampled_from(["refuse", "drop", "truncate_prompt", "truncate_completion"]),
    batch_size=st.integers(1, 7),
    micro_batch_size=st.integers(1, 4),
    epochs=st.sampled_from([0.3, 1.0, 1.5, 2.0]),
    tasks=st.sampled_from([(), ("colours",), ("things",), ("colours", "things")]),
    labels=st.sampled_from([("accept", "none"), ("accept",), ("none", "skip"), ("accept", "none", "skip")]),
    where=st.sampled_from(["", "length(prompt) > 20", "example_id % 3 <> 0"]),
    method=st.sampled_from(["lora", "full"]),
    seed=st.integers(0, 3),
    dtype=st.just("float32"),
    lora_rank=st.just(2),
)


@settings(  # how slow a busy machine draws them is no fault
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SPECS)
def test_what_a_plan_says_of_rows_steps_and_tokens_is_what_the_run_then_does(
    mixed: Project, monkeypatch: pytest.MonkeyPatch, spec: TrainSpec
) -> None:
    """The whole of it: the run is started as from a screen, works in this process, and is read by its events."""
    monkeypatch.setattr("studio.acts.training.submit", lambda directory: None)
    plan = planned(mixed, spec)
    before = {directory.run_id for directory in runs_in(mixed.runs_path)}
    with Store.open(mixed.store_path, "anna") as store:
        if plan.refusal is not None:
            with pytest.raises(StudioError) as refused:
                start_training(mixed, store, spec)
            assert refused.value.message == plan.refusal.message
            assert {directory.run_id for directory in runs_in(mixed.runs_path)} == before
            return
        run_id = start_training(mixed, store, spec)
    events = run_here(RunDirectory(mixed.runs_path / run_id))
    (did,), steps = named(events, "plan"), named(events, "step")
    assert events[-1]["event"] == "finished", events[-1]
    assert (did["rows"], did["dropped_rows"], did["cut_rows"]) == (
        plan.rows - plan.dropped_rows,
        plan.dropped_rows,
        plan.cut_rows,
    )
    assert did["steps"] == plan.steps == len(steps) == steps[-1]["step"]
    assert did["tokens_per_epoch"] == plan.tokens_per_epoch
    whole_epochs, rest = divmod(plan.steps, did["steps_per_epoch"])
    assert whole_epochs * plan.tokens_per_epoch <= steps[-1]["tokens"]
    assert steps[-1]["tokens"] <= (whole_epochs + bool(rest)) * plan.tokens_per_epoch
    assert did["validation_rows"] <= plan.validation_rows
    ids = {row.example_id for row in read_rows(RunDirectory(mixed.runs_path / run_id).rows_path("train"))}
    assert len(ids) == plan.rows and not ids & {2, 8}, "rejected rows never train"
