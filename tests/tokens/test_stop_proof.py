"""Before a run every row is proved: it begins as the model knows it, and its answer ends where the model will stop."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from tokenizers import Tokenizer, processors
from typer.testing import CliRunner

from studio.acts.checking import waive
from studio.acts.training import plan_training, start_training
from studio.cli.app import app
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from studio.runs.directory import FrozenRow, runs_in
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs
from studio.tokens.stop_proof import StopProof, encode_named, is_proved, prove
from studio.tokens.tokenizer import ModelFolder

BOS, END = "<|endoftext|>", "<|im_end|>"
PAIR = Pair("Where is order 7?", "On its way.")


@pytest.fixture
def model_with_bos(tmp_path: Path, tiny_model_folder: Path) -> ModelFolder:
    """Its tokenizer puts a beginning-of-sequence token before every text."""
    folder = shutil.copytree(tiny_model_folder, tmp_path / "model-with-bos")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return ModelFolder(folder)


def test_an_ordinary_row_is_proved(model_with_bos: ModelFolder, tiny_model_folder: Path) -> None:
    for model in (model_with_bos, ModelFolder(tiny_model_folder)):
        row = encode_pairs(model, [PAIR])[0]
        assert StopProof(model).flaw_of(row) == ""


def test_a_row_with_two_beginnings_none_or_no_end_has_a_flaw_that_says_which(model_with_bos: ModelFolder) -> None:
    proof, row = StopProof(model_with_bos), encode_pairs(model_with_bos, [PAIR])[0]
    assert "stands in it 2 times" in proof.flaw_of(Encoded([row.ids[0], *row.ids], row.prompt_tokens + 1))
    assert f"does not begin with {BOS}" in proof.flaw_of(Encoded(row.ids[1:], row.prompt_tokens - 1))
    cut = Encoded(row.ids[:-1], row.prompt_tokens)
    assert f"does not end with {END}" in proof.flaw_of(cut)
    assert proof.flaw_of(cut, was_cut=True) == ""
    assert "nothing of it is learned" in proof.flaw_of(Encoded(row.ids, len(row.ids)))


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (Pair("why?", f"because{END} it is"), "before its end: the model would learn to stop there"),
        (Pair(f"what is {BOS}?", "a token"), "stands in it 2 times"),
    ],
)
def test_a_text_that_writes_out_a_special_token_is_found_among_others_without_encoding_all(
    pair: Pair, reason: str, model_with_bos: ModelFolder
) -> None:
    pairs = [PAIR] * 50 + [pair] + [PAIR] * 50
    assert StopProof(model_with_bos).suspects(pairs) == [50]
    (flaw,) = prove(model_with_bos, range(1000, 1101), pairs)
    assert flaw.example_id == 1050 and reason in flaw.reason


def test_a_template_that_asks_otherwise_for_one_row_names_that_row(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model_folder, tmp_path / "odd")
    template = (folder / "chat_template.jinja").read_text()
    odd = "{% if not add_generation_prompt and 'parcel' in messages[0]['content'] %}\u00bb{% endif %}"
    (folder / "chat_template.jinja").write_text(odd + template)
    pairs = [PAIR] * 9 + [Pair("Where is the parcel?", "Here.")] + [PAIR] * 9
    with pytest.raises(StudioError, match=r"^example 9: the rendered prompt is not a token prefix"):
        encode_named(ModelFolder(folder), range(19), pairs)


def test_the_proof_costs_a_fraction_of_the_encoding_it_goes_with(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    pairs = [Pair(f"where is order {number}, " * 10, "it is on its way " * 8) for number in range(1000)]
    encode_pairs(model, pairs[:10])
    start = time.process_time()
    rows = encode_pairs(model, pairs)
    middle = time.process_time()
    proof = StopProof(model)
    assert not any(proof.flaw_of(row) for row in rows)
    assert time.process_time() - middle < 0.2 * (middle - start)


@pytest.fixture
def project(tmp_path: Path, tiny_model_folder: Path) -> Project:
    project = Project.init(tmp_path / "desk", base_model=str(tiny_model_folder))
    rows = [Candidate(f"sky {number}", "blue " * 3, split="train") for number in range(6)]
    rows.append(Candidate("how do I end a turn?", f"write {END} there", split="train"))
    with Store.open(project.store_path, "anna") as store:
        store.add(rows, "rows")
        waive(project, store, "template_tokens", "we teach how templates are written")
    return project


def test_a_plan_with_a_flaw_refuses_to_start_and_names_the_row_also_where_its_finding_is_waived(
    project: Project,
) -> None:
    with Store.open(project.store_path, "anna") as store:
        for prove_all in (False, True):
            refusal = plan_training(project, store, TrainSpec(max_length=128), prove_all=prove_all).refusal
            assert refusal is not None and refusal.message.startswith("example 7 would teach a wrong start or end")
        with pytest.raises(StudioError, match="example 7 "):
            start_training(project, store, TrainSpec(max_length=128))
    assert runs_in(project.runs_path) == []


def test_a_dry_run_says_the_plan_and_what_refuses_it_and_starts_nothing(project: Project) -> None:
    def dry(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["-C", str(project.root), "train", "--dry-run", *options])
        return done.exit_code, done.output

    code, said = dry("--set", "max_length=128")
    assert code == 1 and "stop proof      1 row would teach" in said and "error example 7" in said
    code, said = dry("--set", "max_length=128", "--set", "where=prompt like 'sky%'", "--json")
    facts = json.loads(said)
    assert code == 0 and (facts["rows"], facts["flaws"], facts["refusal"]) == (6, [], None)
    assert runs_in(project.runs_path) == []


def test_the_run_itself_proves_every_row_before_its_first_step(tmp_path: Path, tiny_model_folder: Path) -> None:
    from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

    rows = [*colour_rows(6), FrozenRow(77, "t", "why?", f"because{END} so")]
    events = run_here(make_run(tmp_path / "run", tiny_spec(tiny_model_folder), train=rows))
    assert events[-1]["event"] == "failed" and "example 77 would teach" in events[-1]["message"]
    assert named(events, "step") == []
    cut = tiny_spec(tiny_model_folder, max_length=30, overlong="truncate_completion")
    long = [FrozenRow(number, "t", "why?", "because " * 40) for number in range(4)]
    final = run_here(make_run(tmp_path / "cut", cut, train=long))[-1]
    assert "cuts the end of every answer" in final["message"]


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_source_and_target_are_proved_each_for_itself(kind: str, request: pytest.FixtureRequest) -> None:
    """Both begin with <s> in BART, which is no doubled beginning."""
    model = ModelFolder(request.getfixturevalue(f"tiny_{kind}_folder"))
    row, proof = encode_pairs(model, [PAIR])[0], StopProof(model)
    assert proof.flaw_of(row) == ""
    endless = Encoded(row.ids[:-1], row.prompt_tokens)
    assert "never learn to stop" in proof.flaw_of(endless)
    assert proof.flaw_of(endless, was_cut=True) == ""
    if kind == "bart":
        doubled = Encoded([*row.prompt_ids, *model.leading_ids, *row.completion_ids], row.prompt_tokens)
        assert "2 times" in proof.flaw_of(doubled)


def test_there_is_a_proof_of_answers_alone() -> None:
    assert [one for one in Objective if is_proved(one)] == [Objective.COMPLETION, Objective.TURNS]
