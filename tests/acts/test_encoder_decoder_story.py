"""The course experiment on a small random T5 and a small BART: dialogues in, window, training, comparing, Try."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.acts import comparing, training
from studio.acts.importing import confirm_import, parse_mapping, preview_import
from studio.acts.window import check_window, count_tokens
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.files import read_json_lines
from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.directory import find_run, runs_in
from studio.runs.events import Evaluation, Plan, Resumed, Step, read_events
from studio.runs.resuming import refusal_to_resume
from studio.runs.specs import CompareSpec, TrainSpec
from studio.tokens.window import Fate
from studio.worker.compute import measure
from studio.worker.trying.arms import Arms
from tests.trying import request
from tests.worker.worker_runs import COLOURS, THINGS, run_here

RECIPE = Path(__file__).parents[2] / "sample_data" / "recipes" / "dialogsum_flan_t5.toml"
TEMPLATE = r"Summarize the following conversation.\n\n{prompt}\n\nSummary: "
HERE = ("dtype=float32", "micro_batch_size=4", "epochs=5", "lora_dropout=0", "eval_every=5")


@pytest.fixture
def dialogues(tmp_path: Path) -> Path:
    """A CSV with DialogSum's columns; four dialogues are far too long for the budget."""
    path = tmp_path / "train.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "dialogue", "summary", "topic"])
        for number in range(24):
            thing, colour = THINGS[number % len(THINGS)], COLOURS[number % len(COLOURS)]
            talk = f"#Person1#: is the {thing} {number} {colour}?\n#Person2#: it is {colour}{' indeed' * (number % 4)}."
            writer.writerow([number, talk, f"the {thing} is {colour}", "dialogsum"])
        for number in range(24, 28):
            writer.writerow([number, f"{number} #Person1#: what? " * 200, "the sky is blue", "monologues"])
    return path


@pytest.fixture(params=["t5", "bart"])
def project(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tiny_t5_folder: Path,
    tiny_bart_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Project:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", run_here)
    monkeypatch.setattr(measure, "thread_counts", lambda: [1])  # two on a two-layer model wait for each other
    folder = {"t5": tiny_t5_folder, "bart": tiny_bart_folder}[request.param]
    return Project.init(tmp_path / "desk", base_model=str(folder), max_length=128)


@pytest.fixture
def store(project: Project, dialogues: Path) -> Iterator[Store]:
    with Store.open(project.store_path, "anna") as opened:
        mapping = parse_mapping("prompt=dialogue,completion=summary,task=topic")
        confirm_import(opened, preview_import(opened, [dialogues], mapping, prompt_template=TEMPLATE))
        opened.assign_splits(test=0.2, validation=0.2)
        yield opened


def recipe(project: Project, *settings: str) -> TrainSpec:
    model = f"base_model={project.settings().base_model}"
    lengths = ("max_length=128", "max_target_length=64")
    return TrainSpec.from_dict(tomllib.loads(RECIPE.read_text())).replaced([model, *lengths, *HERE, *settings])


def test_the_recipe_is_what_a_run_is_asked_to_do() -> None:
    spec = TrainSpec.from_dict(tomllib.loads(RECIPE.read_text()))
    assert (spec.base_model, spec.method, spec.max_length, spec.max_target_length) == (
        *("google/flan-t5-base", "lora"),
        *(1024, 256),
    )
    assert spec.replaced(["method=full", "learning_rate=5e-5"]).peak_learning_rate == 5e-5


def test_dialogues_become_a_model_that_is_compared_and_asked(project: Project, store: Store) -> None:
    model = resolve_model(project.settings().base_model)
    first = store.example(int(store.view_ids()[0]))
    assert first.prompt.startswith("Summarize the following conversation.\n\n#Person1#: is the sky")
    assert first.prompt.endswith("\n\nSummary: ")

    report = check_window(store, model, 128, max_target_length=64)
    assert report.fates == {Fate.WHOLE: 24, Fate.PROMPT_CUT: 4, Fate.ANSWER_CUT: 0, Fate.END_OF_TURN_CUT: 0}
    with pytest.raises(StudioError, match=r"over max_length=128, max_target_length=64: examples 2[5-8]"):
        training.start_training(project, store, recipe(project, "overlong=refuse", "tasks="))
    plan = training.plan_training(project, store, recipe(project, "tasks="))
    assert plan.refusal is None and plan.dropped_rows == plan.overlong_rows > 0

    run_ids = {}
    for method, rate in (("lora", "2e-2"), ("full", "5e-3")):
        spec = recipe(project, f"method={method}", f"learning_rate={rate}")
        run_ids[method], plan = training.begin_training(project, store, spec)
        assert plan.refusal is None
        events = read_events(find_run(project.runs_path, run_ids[method]).events_path)[0]
        did = next(event for event in events if isinstance(event, Plan))
        assert (did.rows, did.dropped_rows) == (plan.rows - plan.dropped_rows, plan.dropped_rows)
        assert (did.steps, did.tokens_per_epoch) == (plan.steps, plan.tokens_per_epoch)
        losses = [event.loss or 0.0 for event in events if isinstance(event, Step)]
        assert losses[-1] < 0.9 * losses[0]
        evaluations = [event.eval_loss or 0.0 for event in events if isinstance(event, Evaluation)]
        assert evaluations[-1] < evaluations[0]

    for method, run_id in run_ids.items():
        asked = CompareSpec(run_id=run_id, arms=("zero_shot", "one_shot", "tuned"), dtype="float32", latency_rows=1)
        compared = find_run(project.runs_path, comparing.start_comparison(project, store, asked))
        arms = json.loads(compared.scores_path.read_text())["arms"]
        assert arms["one_shot"]["prompt_tokens_mean"] > arms["zero_shot"]["prompt_tokens_mean"]
        assert arms["tuned"]["scores"]["token_f1"]["score"] > arms["zero_shot"]["scores"]["token_f1"]["score"]
        texts = [line["text"] for line in read_json_lines(compared.predictions_path)[0]]
        assert not any("</s>" in text or "<pad>" in text for text in texts)

        run = find_run(project.runs_path, run_id)
        tuned = run.result_path(_leaves(method))
        replies = list(Arms().answer(request(model.path, first.prompt, tuned, method, max_new_tokens=12)))
        assert {reply["arm"] for reply in replies if reply.get("done")} == {"base", "tuned"}
        assert any(reply.get("text") for reply in replies if reply["arm"] == "tuned")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (["objective=sequence"], "objective=sequence: an encoder-decoder model only learns what its decoder says"),
        (["objective=text"], "objective=text: an encoder-decoder model only learns what its decoder says"),
        (["method=prompt_tuning"], "method=prompt_tuning is for decoder-only models here"),
    ],
)
def test_what_only_decoder_only_models_can_be_asked_is_refused_by_name(
    project: Project, store: Store, settings: list[str], why: str
) -> None:
    count_tokens(store, resolve_model(project.settings().base_model))  # nothing is left to be refused while counting
    with pytest.raises(AskedWrongly, match=why):
        training.start_training(project, store, recipe(project, *settings))
    assert not runs_in(project.runs_path)


def _leaves(method: str) -> str:
    return "adapter" if method == "lora" else "model"


def test_a_stopped_run_goes_on_to_where_an_uninterrupted_one_comes(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = recipe(project, "epochs=1", "save_every=1", "eval_every=100", "learning_rate=1e-2")
    whole = find_run(project.runs_path, training.start_training(project, store, spec))
    wanted = [event.loss for event in read_events(whole.events_path)[0] if isinstance(event, Step)]
    assert len(wanted) >= 2

    with monkeypatch.context() as patch:
        patch.setattr(training, "submit", lambda directory: (directory.stop_path.touch(), run_here(directory)))
        stopped = find_run(project.runs_path, training.start_training(project, store, spec))
    stopped.stop_path.unlink()
    run_here(stopped)
    events = read_events(stopped.events_path)[0]
    assert any(isinstance(event, Resumed) for event in events)
    assert [event.loss for event in events if isinstance(event, Step)] == pytest.approx(wanted, abs=1e-5)
    refused = refusal_to_resume(stopped, spec.replaced(["max_target_length=32"]))
    assert refused is not None and "max_target_length was 64" in refused.message


def test_a_prompt_template_that_would_drop_the_prompt_is_refused(project: Project, dialogues: Path) -> None:
    with Store.open(project.store_path, "anna") as opened, pytest.raises(AskedWrongly, match=r"has no \{prompt\}"):
        preview_import(opened, [dialogues], {"prompt": "dialogue", "completion": "summary"}, prompt_template="Sum up:")
