"""Training again after rows were mended: what is started, and that the comparison waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from studio.acts import comparing, training
from studio.acts.again import changes_words, plan_again, start_again
from studio.acts.drift import drift
from studio.acts.since import cost, cost_facts, since_run
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.files import take_lock
from studio.project import Project
from studio.reports.since import drift_words
from studio.runs.arms.answering import read_answering
from studio.runs.directory import RunDirectory, read_rows
from studio.runs.events import EventWriter, Failed, Finished, Preparing, Started
from studio.runs.specs import CompareSpec, TrainSpec, read_spec, write_spec
from studio.worker.comparing import waiting
from studio.worker.session import Session
from tests.tui.run_story import model_without_weights


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    model = model_without_weights(tmp_path / "model")
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", lambda directory: None)
    return Project.init(tmp_path / "desk", base_model=str(model), max_length=128)


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as store:
        store.add(
            [Candidate(f"where is order {number}", "on its way", "tickets") for number in range(40)], "desk.jsonl"
        )
        store.assign_splits(test=0.2, validation=0.1)
        yield store


def trained(project: Project, store: Store) -> RunDirectory:
    run = RunDirectory(project.runs_path / training.start_training(project, store, TrainSpec(max_length=128, epochs=2)))
    EventWriter(run.events_path).write(Finished(seconds=1))
    run.result_path("adapter").mkdir()
    return run


def directory_of(project: Project, run_id: str) -> RunDirectory:
    return RunDirectory(project.runs_path / run_id)


def test_the_run_is_trained_as_before_and_compared_with_the_run_before(project: Project, store: Store) -> None:
    before = trained(project, store)
    asked = CompareSpec(run_id=before.run_id, arms=("zero_shot", "tuned"), limit=4, latency_rows=0)
    first = comparing.start_comparison(project, store, asked)
    mended = read_rows(before.rows_path("train"))[0].example_id
    store.set_text(mended, completion="it is lost")
    plan = plan_again(project, store, first)
    assert changes_words(plan) == f"1 changed row since {before.run_id}."
    again = start_again(project, store, plan)
    train, compare = directory_of(project, again.train), directory_of(project, again.compare)
    spec, compared = read_spec(train), read_spec(compare)
    assert isinstance(spec, TrainSpec) and spec.epochs == 2
    assert [row.completion for row in read_rows(train.rows_path("train")) if row.example_id == mended] == ["it is lost"]
    assert isinstance(compared, CompareSpec)
    assert compared.arms == ("zero_shot", "tuned", f"tuned:{before.run_id}")
    assert (compared.run_id, compared.after, compared.limit) == (again.train, again.train, 4)
    answering = read_answering(compare, compared)
    assert answering["tuned"].tuned_path == str((train.path / "adapter").resolve()), "what the new run will leave"
    assert answering[f"tuned:{before.run_id}"].tuned_path == str((before.path / "adapter").resolve())


def test_a_third_time_the_run_before_takes_the_place_of_the_one_before_it(project: Project, store: Store) -> None:
    before = trained(project, store)
    again = start_again(project, store, plan_again(project, store, before.run_id))
    directory_of(project, again.train).result_path("adapter").mkdir()
    plan = plan_again(project, store, again.compare)
    assert plan.compare.arms == ("zero_shot", "one_shot", "few_shot:5", "tuned", f"tuned:{again.train}")
    assert changes_words(plan) == f"The training rows are those of {again.train}: nothing was mended since."


def test_what_cannot_be_trained_again_is_refused_before_anything_starts(project: Project, store: Store) -> None:
    run = directory_of(project, training.start_training(project, store, TrainSpec(max_length=128)))
    with pytest.raises(StudioError, match="has made no adapter yet"):
        plan_again(project, store, run.run_id)
    prompting = comparing.start_comparison(project, store, CompareSpec(arms=("zero_shot",)))
    with pytest.raises(AskedWrongly, match="nothing to train again"):
        plan_again(project, store, prompting)


@pytest.mark.parametrize("ends", [Finished(seconds=1.0), Failed(message="no memory")])
def test_a_comparison_waits_for_its_run_and_says_what_for(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch, ends: Finished | Failed
) -> None:
    run = directory_of(project, training.start_training(project, store, TrainSpec(max_length=128)))
    compare = directory_of(project, "compare-1")
    compare.path.mkdir()
    compare.spec_path.write_text("{}")
    lock = take_lock(run.lock_path)
    run.process_path.write_text("{}")
    trainer, events = EventWriter(run.events_path), EventWriter(compare.events_path)
    trainer.write(Started(pid=1))
    looks = []

    def look_away(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            trainer.write(ends)
            if isinstance(ends, Finished):
                run.result_path("adapter").mkdir()
            lock.close()

    monkeypatch.setattr("studio.worker.comparing.waiting.time.sleep", look_away)
    session = Session(compare, events)
    if isinstance(ends, Finished):
        assert waiting.wait_for_training(session, run.run_id)
    else:
        with pytest.raises(StudioError, match="failed and left nothing to compare"):
            waiting.wait_for_training(session, run.run_id)
    assert len(looks) == 3
    assert [one.message for one in session.events_of(Preparing)] == [f"waiting for {run.run_id} to end"]


def test_a_comparison_that_waits_can_be_stopped(project: Project, store: Store) -> None:
    run = directory_of(project, training.start_training(project, store, TrainSpec(max_length=128)))
    compare = directory_of(project, "compare-1")
    compare.path.mkdir()
    compare.spec_path.write_text("{}")
    compare.stop_path.touch()
    with take_lock(run.lock_path):
        EventWriter(run.events_path).write(Started(pid=1))
        assert not waiting.wait_for_training(Session(compare, EventWriter(compare.events_path)), run.run_id)


def test_what_changed_since_a_run_and_what_training_again_costs(project: Project, store: Store) -> None:
    before = trained(project, store)
    assert drift(project, store) is None, "nothing has changed yet"
    spec = read_spec(before)
    assert isinstance(spec, TrainSpec) and spec.version == "v1"
    rows = read_rows(before.rows_path("train"))
    store.set_text(rows[0].example_id, completion="it is lost")
    store.add([Candidate("a refund please", "sent", "refunds", split="train")], "more.jsonl")
    found = since_run(project, store, "", 5)
    assert found.run.run_id == before.run_id and found.again is not None
    assert cost(found.again).startswith(f"{len(rows) + 1} rows, ") and cost_facts(found.again)["test_rows"]
    moved = drift(project, store)
    assert moved is not None
    assert drift_words(moved.title, moved.diff) == f"2 rows changed since {before.run_id}: refunds 1, tickets 1"


def test_training_on_from_a_run_is_offered_beside_training_anew(project: Project, store: Store) -> None:
    before = trained(project, store)
    assert plan_again(project, store, before.run_id, "base").train.continue_from == ""
    with pytest.raises(AskedWrongly, match=f"continue_from={before.run_id}: .* no checkpoint"):
        plan_again(project, store, before.run_id, "continue")
    with pytest.raises(AskedWrongly, match="no way to train again"):
        plan_again(project, store, before.run_id, "middle")


def test_a_run_of_an_older_studio_does_not_say_what_it_learned_from(project: Project, store: Store) -> None:
    before = trained(project, store)
    spec = read_spec(before)
    assert isinstance(spec, TrainSpec)
    write_spec(before, replace(spec, version=""))
    with pytest.raises(StudioError, match="does not say which version"):
        since_run(project, store, before.run_id, 5)
    assert drift(project, store) is None, "the first screen does not guess"
