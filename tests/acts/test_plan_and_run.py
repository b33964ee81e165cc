"""The plan that is shown before a run says, to the row and the step, what the run then does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.acts.plan_words import plan_facts
from studio.acts.training import TrainPlan, plan_training, start_training
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.batches import Batches
from studio.runs.directory import RunDirectory, runs_in, write_rows
from studio.runs.events import EventWriter, Failed, Plan, Unreadable, read_events
from studio.runs.specs import TrainSpec, write_spec
from studio.tokens.encoding import Objective, Pair, encode_pairs
from studio.tokens.tokenizer import ModelFolder
from studio.worker.session import Session
from studio.worker.training.prepare import Data, read_data

LENGTHS = [(2, 2), (30, 3), (3, 30), (60, 60), (1, 90), (90, 1), (12, 12), (40, 8)]

TASKS = ("colours", "skies", "")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Project:
    """Rows of every kind: short, long prompts, long completions, both."""
    project = Project.init(tmp_path_factory.mktemp("plans"), base_model=str(tiny_model_folder))
    rows = [
        Candidate(f"{number} " + "sky " * prompt, "blue " * completion, TASKS[number % 3], split="train")
        for number, (prompt, completion) in enumerate(LENGTHS * 2)
    ]
    with Store.open(project.store_path, "anna") as store:
        store.add(rows, "rows")
    return project


def planned(project: Project, spec: TrainSpec) -> TrainPlan:
    with Store.open(project.store_path, "anna") as store:
        return plan_training(project, store, spec)


def read_by_the_run(project: Project, plan: TrainPlan, folder: Path) -> Data:
    """What a run of this plan makes of its rows, without training."""
    from studio.acts.training import frozen

    directory = RunDirectory(folder)
    folder.mkdir(parents=True)
    with Store.open(project.store_path, "anna") as store:
        write_rows(directory.rows_path("train"), frozen(store.rows_for("train")))
    write_spec(directory, plan.spec)
    session = Session(directory, EventWriter(directory.events_path))
    return read_data(session, ModelFolder(Path(plan.spec.model_path)), plan.spec)


@settings(  # how slow a busy machine draws them is no fault
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from(["drop", "truncate_prompt", "truncate_completion", "split"]),
    st.integers(20, 200),
    st.integers(1, 9),
    st.sampled_from([0.1, 0.5, 1.0, 1.1, 2.0]),
    st.sampled_from(TrainSpec.choices("objective")),
    st.sampled_from(["lora", "prompt_tuning"]),
    st.sampled_from(["proportional", "equal", "temperature:3"]),
    st.integers(0, 4),
)
def test_rows_dropped_and_cut_tokens_and_steps_are_those_of_the_run(
    project: Project,
    tmp_path: Path,
    policy: str,
    max_length: int,
    batch_size: int,
    epochs: float,
    objective: str,
    method: str,
    mixture: str,
    cap: int,
) -> None:
    objective = "text" if policy == "split" else objective
    spec = TrainSpec(
        max_length=max_length,
        overlong=policy,
        batch_size=batch_size,
        epochs=epochs,
        objective=objective,
        method=method,
        mixture=mixture,
        task_cap=cap,
    )
    plan = planned(project, spec)
    folder = tmp_path / f"{policy}-{max_length}-{batch_size}-{epochs}-{objective}-{method}-{mixture}-{cap}"
    if folder.exists():
        return
    if plan.refusal is not None:
        with pytest.raises(StudioError) as refused:
            read_by_the_run(project, plan, folder)
        assert refused.value.message == plan.refusal.message
        return
    data = read_by_the_run(project, plan, folder)
    assert (plan.dropped_rows, plan.cut_rows) == (data.dropped, data.was_cut)
    assert plan.sequences == len(data.train) and plan.rows - plan.dropped_rows == len(set(map(id, data.rows)))
    assert all(row.total_tokens <= max_length + spec.leading_tokens for row in data.train)
    assert plan.tokens_per_epoch == data.train_tokens
    assert plan.shares == data.shares
    batches = Batches(data.examples, batch_size, seed=0)
    assert plan.steps == plan.spec.steps_of(data.examples)
    assert batches.rows_of(plan.steps), "the last step has rows"


def test_where_every_completion_is_too_long_the_plan_refuses_with_the_reason(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    """truncate_prompt cannot help there: the run used to start, and fail for having no training row."""
    project = Project.init(tmp_path, base_model=str(tiny_model_folder))
    rows = [Candidate(f"sky {number}", "blue " * 90, split="train") for number in range(4)]
    with Store.open(project.store_path, "anna") as store:
        store.add(rows, "rows")
        with pytest.raises(StudioError, match="overlong=truncate_prompt would drop all 4 rows at max_length=40"):
            start_training(project, store, TrainSpec(max_length=40, overlong="truncate_prompt"))
    assert runs_in(project.runs_path) == []


def test_long_documents_are_split_as_the_plan_says_and_no_answer_is_parted_from_its_question(
    project: Project, tmp_path: Path
) -> None:
    plan = planned(project, TrainSpec(max_length=20, objective="text", overlong="split"))
    assert (plan.dropped_rows, plan.cut_rows) == (0, 0)
    words = {name: said for name, said, _ in plan_facts(plan)}["over max_length"]
    assert words == f"{plan.overlong_rows} of 16: {plan.split_rows} split into {_split_pieces(plan)} sequences"
    data = read_by_the_run(project, plan, tmp_path / "run")
    whole = encode_pairs(ModelFolder(Path(plan.spec.model_path)), _pairs(project), Objective.TEXT)
    assert sum(row.learned_tokens for row in data.train) == sum(len(row.ids) - 1 for row in whole)
    with pytest.raises(AskedWrongly, match="would part answers from their questions"):
        TrainSpec(overlong="split")


def _pairs(project: Project) -> list[Pair]:
    with Store.open(project.store_path, "anna") as store:
        return [Pair(row.prompt, row.completion) for row in store.rows_for("train")]


def _split_pieces(plan: TrainPlan) -> int:
    return plan.sequences - (plan.rows - plan.split_rows)


def test_a_plan_says_what_a_resumed_run_repeats(tmp_path: Path) -> None:
    """An event is read back as what was written, fields that an older studio did not write by their defaults."""
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(Plan(rows=8, dtype="float32", arms=("zero_shot",)))
    writer.write(Failed(message="x"))
    writer.close()
    with path.open("a") as file:
        file.write('{"event": "plan", "time": 1, "rows": 3}\n{"event": "plan", "time": 1, "rows": "three"}\n')
    plan, failed, old, mistyped = read_events(path)[0]
    assert isinstance(plan, Plan) and (plan.rows, plan.arms) == (8, ("zero_shot",)) and plan.time > 1
    assert isinstance(failed, Failed)
    assert isinstance(old, Plan) and (old.rows, old.lanes) == (3, 1)
    assert mistyped == Unreadable(why="the event plan has rows=three")
