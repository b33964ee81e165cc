"""What a run gets to work on is frozen before it starts, and everything that can refuse refuses by then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.acts import answering, checking, comparing, training
from studio.acts.base_model import with_base_model
from studio.acts.plan_words import plan_facts
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.locks import locks_sentence
from studio.runs.arms.answering import read_answering
from studio.runs.directory import RunDirectory, read_rows, write_rows
from studio.runs.events import EventWriter, Finished
from studio.runs.retrieval.documents import read_frozen_documents
from studio.runs.specs import CompareSpec, TrainSpec, read_spec


@pytest.fixture
def project(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", lambda directory: None)
    return Project.init(tmp_path / "desk", base_model=str(tiny_model_folder), max_length=128)


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as store:
        rows = [Candidate(f"where is order {number}", "on its way", "tickets") for number in range(40)]
        rows += [Candidate(f"I waited {number} days", "angry", "tone") for number in range(10)]
        store.add(rows, "desk.jsonl")
        store.assign_splits(test=0.2, validation=0.1)
        yield store


def trained(project: Project, store: Store) -> RunDirectory:
    """A run that has finished with an adapter."""
    run = RunDirectory(project.runs_path / training.start_training(project, store, TrainSpec(max_length=128)))
    EventWriter(run.events_path).write(Finished(seconds=1))
    run.result_path("adapter").mkdir()
    return run


def ids(path: Path) -> set[int]:
    return {row.example_id for row in read_rows(path)}


def test_a_run_freezes_its_rows_and_names_its_model(project: Project, store: Store, tiny_model_folder: Path) -> None:
    rejected = store.rows_for("train")[0].example_id
    store.set_label([rejected], "reject")
    spec = TrainSpec(max_length=128, tasks=("tickets",))
    run = RunDirectory(project.runs_path / training.start_training(project, store, spec))
    frozen = read_rows(run.rows_path("train"))
    assert {row.task for row in frozen} == {"tickets"}
    assert rejected not in {row.example_id for row in frozen}
    assert ids(run.rows_path("train")).isdisjoint(ids(run.rows_path("validation")))
    assert read_spec(run) == TrainSpec(
        base_model=str(tiny_model_folder),
        model_path=str(tiny_model_folder),
        max_length=128,
        tasks=("tickets",),
        version="v1",
    )


def test_later_edits_do_not_reach_a_run_that_has_started(project: Project, store: Store) -> None:
    run = trained(project, store)
    before = run.rows_path("train").read_bytes()
    store.set_text(next(iter(ids(run.rows_path("train")))), completion="something else")
    assert run.rows_path("train").read_bytes() == before


def test_the_plan_counts_steps_and_tokens(project: Project, store: Store) -> None:
    plan = training.plan_training(project, store, TrainSpec(max_length=128, batch_size=8, epochs=2))
    rows = len(store.rows_for("train"))
    assert (plan.rows, plan.steps, plan.refusal) == (rows, 2 * -(-rows // 8), None)
    counted = store.counts(with_base_model(project, TrainSpec())[1].fingerprint)
    total_tokens = dict(zip(counted[0], counted[1] + counted[2], strict=True))
    tokens = [int(total_tokens[example.example_id]) for example in store.rows_for("train")]
    assert plan.tokens_per_epoch == sum(tokens)
    longest = max(tokens)
    dropping = training.plan_training(project, store, TrainSpec(max_length=longest - 1, overlong="drop"))
    assert dropping.tokens_per_epoch == sum(count for count in tokens if count < longest), "dropped rows cost nothing"
    assert plan.forecast_seconds is None  # nothing was measured yet, so nothing is guessed


def test_more_than_the_context_window_is_refused(project: Project, store: Store) -> None:
    with pytest.raises(AskedWrongly, match=r"max_length=10000 is more than the model's context window of 256 tokens"):
        training.start_training(project, store, TrainSpec(max_length=10_000))


def test_an_error_in_its_rows_keeps_a_run_from_starting_until_it_is_waived_and_the_spec_says_why(
    project: Project, store: Store
) -> None:
    in_training, in_test = store.rows_for("train")[0], store.rows_for("test")[0]
    store.set_text(in_test.example_id, prompt=in_training.prompt.upper())
    with pytest.raises(StudioError, match="leakage: 2 rows in 1 group"):
        training.start_training(project, store, TrainSpec(max_length=128))
    assert not list(project.runs_path.iterdir())
    checking.waive(project, store, "leakage", "two customers asked the same")
    run = RunDirectory(project.runs_path / training.start_training(project, store, TrainSpec(max_length=128)))
    spec = read_spec(run)
    assert isinstance(spec, TrainSpec) and spec.waivers == ("leakage: two customers asked the same (anna)",)


def test_dropping_every_row_is_refused(project: Project, store: Store) -> None:
    with pytest.raises(StudioError, match="would drop all"):
        training.start_training(project, store, TrainSpec(max_length=10, overlong="drop"))
    plan = training.plan_training(project, store, TrainSpec(max_length=10, overlong="drop"))
    assert ("stop proof", "no row to prove", "") in plan_facts(plan), "no answer ends where there is none"


def test_all_arms_get_the_same_held_out_rows_and_shots_come_from_training_only(project: Project, store: Store) -> None:
    run = trained(project, store)
    compare_id = comparing.start_comparison(project, store, CompareSpec(run_id=run.run_id))
    directory = RunDirectory(project.runs_path / compare_id)
    asked, pool = ids(directory.rows_path("test")), ids(directory.rows_path("train"))
    assert asked == {example.example_id for example in store.rows_for("test")}
    assert pool == ids(run.rows_path("train")) and asked.isdisjoint(pool)
    spec = read_spec(directory)
    assert isinstance(spec, CompareSpec)
    assert read_answering(directory, spec)["tuned"].tuned_path == str(run.result_path("adapter").resolve())


def test_a_comparison_says_that_its_test_set_is_locked_and_that_it_was_unlocked_before(
    project: Project, store: Store
) -> None:
    store.lock_test_set()
    store.unlock_test_set("a typo")
    store.lock_test_set()
    run = RunDirectory(project.runs_path / comparing.start_comparison(project, store, CompareSpec(arms=("zero_shot",))))
    spec = read_spec(run)
    assert isinstance(spec, CompareSpec) and spec.version == "v1"
    said = locks_sentence(spec.test_locks)
    assert said.startswith("Test set locked by anna ") and "Before: unlocked by anna " in said and ": a typo (" in said


def test_a_limit_is_spent_evenly_on_the_tasks(project: Project, store: Store) -> None:
    spec = CompareSpec(arms=("zero_shot",), limit=4)
    directory = RunDirectory(project.runs_path / comparing.start_comparison(project, store, spec))
    tasks = [row.task for row in read_rows(directory.rows_path("test"))]
    small = min(2, sum(example.task == "tone" for example in store.rows_for("test")))
    assert len(tasks) == 4 and tasks.count("tone") == small


def test_more_shots_than_a_task_has_rows_is_refused(project: Project, store: Store) -> None:
    with pytest.raises(AskedWrongly, match="200 shots are asked for"):
        comparing.start_comparison(project, store, CompareSpec(arms=("few_shot:200",)))


def test_a_run_without_a_result_cannot_be_compared(project: Project, store: Store) -> None:
    run_id = training.start_training(project, store, TrainSpec(max_length=128))
    with pytest.raises(StudioError, match="has made no adapter yet"):
        comparing.start_comparison(project, store, CompareSpec(run_id=run_id))
    with pytest.raises(AskedWrongly, match="no run has made"):
        answering.newest_tuned(project)


def test_arms_share_one_base_model(project: Project, store: Store) -> None:
    run = trained(project, store)
    with pytest.raises(AskedWrongly, match="was trained on"):
        comparing.start_comparison(project, store, CompareSpec(run_id=run.run_id, base_model="other"))


def test_a_prediction_torn_by_a_crash_is_passed_over(project: Project, store: Store) -> None:
    spec = CompareSpec(arms=("zero_shot",))
    directory = RunDirectory(project.runs_path / comparing.start_comparison(project, store, spec))
    answer = {"key": "a", "arm": "zero_shot", "example_id": 1, "text": "", "prompt_tokens": 9, "is_cut": False}
    answer["latency_seconds"] = None
    directory.predictions_path.write_text(json.dumps(answer) + '\n{"key": "b", "ar')
    assert [line["key"] for line in comparing.load_comparison(project, directory.run_id).predictions] == ["a"]


def test_a_checkpoint_that_is_compared_stays_though_its_run_goes_on_and_deletes_its_own(
    project: Project, store: Store
) -> None:
    run = trained(project, store)
    checkpoint = run.checkpoints_path / "step-20"
    checkpoint.mkdir(parents=True)
    (checkpoint / "progress.json").write_text("{}")  # an older studio's: without what the run was asked
    arms = ("zero_shot", f"tuned:{run.run_id}", f"tuned:{run.run_id}:20+few_shot:2")
    compare_id = comparing.start_comparison(project, store, CompareSpec(arms=arms))
    directory = RunDirectory(project.runs_path / compare_id)
    shutil.rmtree(checkpoint)
    spec = read_spec(directory)
    assert isinstance(spec, CompareSpec) and ids(directory.rows_path("train")) == ids(run.rows_path("train"))
    by_text = read_answering(directory, spec)
    assert by_text[arms[1]].tuned_path == str(run.result_path("adapter").resolve())
    kept = by_text[arms[2]]
    assert kept.is_checkpoint and kept.tuned_method == "lora"
    assert {path.name for path in Path(kept.tuned_path).iterdir()} == {"progress.json", "spec.json"}
    with pytest.raises(AskedWrongly, match="no checkpoint of step 7") as refused:
        comparing.start_comparison(project, store, CompareSpec(arms=(f"tuned:{run.run_id}:7",)))
    assert refused.value.hint == "It has none."


def test_another_model_is_found_by_its_name_before_anything_starts(
    project: Project, store: Store, tiny_model_folder: Path
) -> None:
    spec = CompareSpec(arms=("zero_shot", f"model:{tiny_model_folder}"))
    plan = comparing.plan_comparison(project, store, spec)
    assert plan.answering[f"model:{tiny_model_folder}"].model_path == str(tiny_model_folder)
    with pytest.raises(AskedWrongly, match="no model 'nowhere' here"):
        comparing.plan_comparison(project, store, CompareSpec(arms=("model:nowhere",)))


def test_documents_are_frozen_so_that_a_resume_finds_what_the_start_found(
    project: Project, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("orders are sent on mondays")
    spec = CompareSpec(arms=("zero_shot", f"rag:2:{folder}"), passage_words=3, passage_overlap=1)
    directory = RunDirectory(project.runs_path / comparing.start_comparison(project, store, spec))
    (folder / "a.txt").write_text("something else")
    passages = read_frozen_documents(directory.documents_path(1)).passages
    assert [passage.text for passage in passages] == ["orders are sent", "sent on mondays"]
    with pytest.raises(AskedWrongly, match="no such folder"):
        comparing.start_comparison(project, store, CompareSpec(arms=("rag:2:nowhere",)))
    with pytest.raises(AskedWrongly, match="never ends"):
        CompareSpec(passage_words=20, passage_overlap=20)


def test_an_example_that_is_not_in_the_train_split_is_refused(project: Project, store: Store) -> None:
    test = store.rows_for("test")[0].example_id
    with pytest.raises(AskedWrongly, match=f"example {test} is not in the train split"):
        comparing.start_comparison(project, store, CompareSpec(arms=(f"few_shot:ids:{test}",)))


def test_rows_that_a_second_run_learned_from_are_refused_too(project: Project, store: Store) -> None:
    first, second = trained(project, store), trained(project, store)
    leaked = read_rows(second.rows_path("train"))
    test = store.rows_for("test")[0]
    write_rows(second.rows_path("train"), [*leaked, *training.frozen([test])])
    arms = (f"tuned:{first.run_id}", f"tuned:{second.run_id}")
    with pytest.raises(StudioError, match=f"share their prompt with a training row: examples {test.example_id}"):
        comparing.start_comparison(project, store, CompareSpec(arms=arms))


def test_a_server_is_found_in_the_settings_and_needs_no_model_here(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = 'base_model = "not here"\n[endpoints.mine]\nurl = "http://x/v1"\nmodel = "m"\napi_key_env = "MY_KEY"\n'
    project.settings_path.write_text(settings)
    spec = CompareSpec(arms=("endpoint:mine", "endpoint:mine+few_shot:2"))
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(AskedWrongly, match="MY_KEY is not set"):
        comparing.start_comparison(project, store, spec)
    monkeypatch.setenv("MY_KEY", "secret-123")
    directory = RunDirectory(project.runs_path / comparing.start_comparison(project, store, spec))
    found = read_answering(directory, spec)["endpoint:mine+few_shot:2"].endpoint
    assert found is not None and (found.url, found.api_key_env) == ("http://x/v1", "MY_KEY")
    assert not any("secret-123" in path.read_text() for path in directory.path.rglob("*") if path.is_file())
    with pytest.raises(AskedWrongly, match=r"endpoint 'other' is not in studio\.toml") as refused:
        comparing.start_comparison(project, store, CompareSpec(arms=("endpoint:other",)))
    assert refused.value.hint == "It has mine."
