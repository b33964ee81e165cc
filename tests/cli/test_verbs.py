"""A day's work by verbs: data on stdout, words on stderr, exit 0 done, 1 failed, 2 asked wrongly."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from studio.cli.app import app
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import EventWriter, Failed, Finished, Plan, Started
from studio.runs.specs import TrainSpec
from tests.cli.conftest import Studio

PAIRS = [
    {"prompt": "Where is order 7?", "completion": "On its way.", "task": "tickets"},
    {"prompt": "Mon colis ?", "completion": "En route.", "task": "tickets"},
    {"prompt": "The printer [bold red]burns[/] \u001b[31m", "completion": "urgent", "task": "tone"},
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk", max_length=128)


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(pair) for pair in PAIRS))
    return str(path)


def in_json(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_import_label_undo_redo(studio: Studio, pairs: str) -> None:
    assert in_json(studio("import", pairs, "--json")) == {
        "added": 3, "duplicates": 0, "duplicates_of_another_task": 0,
        "shapes": {"prompt/completion": 3}, "problems": [], "is_dry_run": False,
    }  # fmt: skip
    assert "added 0 examples · 3 already there" in studio("import", pairs).stderr
    assert studio("label", "accept", "1", "2").exit_code == 0
    counted = in_json(studio("stats", "--json"))
    assert counted["examples"] == 3
    assert counted["labels"] == {"accept": 2, "reject": 0, "skip": 0, "none": 1}
    assert counted["tasks"] == {"tickets": 2, "tone": 1}
    assert "undone: accept 2 examples" in studio("undo").stderr
    assert in_json(studio("stats", "--json"))["labels"]["accept"] == 0
    assert studio("redo").exit_code == 0
    assert in_json(studio("stats", "--json"))["labels"]["accept"] == 2


def test_a_dry_run_writes_nothing(studio: Studio, pairs: str) -> None:
    assert "would add 3 examples" in studio("import", pairs, "--dry-run").stderr
    assert in_json(studio("stats", "--json"))["examples"] == 0


def test_a_file_of_problems_names_them_and_fails(studio: Studio, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "p", "completion": 1}\nnot json\n')
    result = studio("import", str(bad))
    assert result.exit_code == 1
    assert f"{bad}:1: completion: is a number (1)" in result.stderr
    assert f"{bad}:2: not JSON" in result.stderr


def test_good_rows_beside_problems_come_in(studio: Studio, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text('not json\n{"prompt": "p", "completion": "c"}\n')
    assert in_json(studio("import", str(mixed), "--json"))["added"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "missing.jsonl"], "no such file"),
        (["import", "x.jsonl", "--map", "question"], "cannot read 'question'"),
        (["label", "1"], "1 is no label"),
        (["label", "accept"], "no rows are named"),
        (["label", "accept", "99"], "99"),
        (["show", "99"], "no example 99"),
        (["export", "rows.txt"], "unknown ending"),
        (["export", "rows.jsonl", "--where", "prompt = ("], "prompt"),
        (["check", "--only", "spelling"], "no check"),
        (["check", "--fail-on", "often"], "no severity"),
        (["check", "--waive", "leakage"], "no reason was given"),
        (["check", "--reason", "because"], "--reason says why"),
        (["check", "--unwaive", "leakage"], "leakage is not waived"),
        (["split", "--test", "0.9", "--validation", "0.9"], "leave nothing to train on"),
        (["train", "--set", "epoch=2"], "no such setting"),
        (["watch", "nothing"], "no run 'nothing'"),
        (["window", "--model", "no-such-model"], "no model 'no-such-model'"),
        (["compare"], "no run has made an adapter"),
        (["models", "get", "gpt-9"], "no model 'gpt-9'"),
        (["try", "hi", "--model", "a", "--run", "b"], "both given"),
        (["no-such-verb"], "No such command"),
    ],
)
def test_asked_wrongly_is_exit_code_2_with_the_reason_and_nothing_on_stdout(
    studio: Studio, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    result = studio(*arguments)
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr
    assert result.stdout == ""


def test_outside_a_project_the_next_step_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["-C", str(tmp_path), "stats"])
    assert result.exit_code == 2
    assert "no project here" in result.stderr and "studio init" in result.stderr


def test_show_writes_escape_sequences_and_markup_as_text(studio: Studio, pairs: str) -> None:
    studio("import", pairs)
    shown = studio("show", "3").stdout
    assert "[bold red]burns[/]" in shown
    assert "\u001b" not in shown and "␛[31m" in shown


def test_what_is_exported_imports_again_as_the_same_rows(studio: Studio, pairs: str, tmp_path: Path) -> None:
    studio("import", pairs)
    for name in ("out.jsonl", "out.csv"):
        assert studio("export", str(tmp_path / name), "--where", "task = 'tickets'").exit_code == 0
        again = in_json(studio("import", str(tmp_path / name), "--json"))
        assert (again["added"], again["duplicates"], again["problems"]) == (0, 2, [])


def test_exported_splits_come_back_with_the_rows_and_keep_gives_the_others_one(
    studio: Studio, pairs: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.jsonl"
    mine.write_text(json.dumps(PAIRS[0] | {"split": "test"}))
    studio("import", str(mine))
    studio("import", pairs)
    assert in_json(studio("stats", "--json"))["splits"] == {"train": 0, "validation": 0, "test": 1, "none": 2}
    assert in_json(studio("split", "--keep", "--test", "0", "--validation", "0", "--json"))["splits"]["train"] == 2
    kept = {"train": 2, "validation": 0, "test": 1, "none": 0}
    for name in ("out.jsonl", "out.csv"):
        studio("export", str(tmp_path / name))
        again = Project.init(tmp_path / f"again-{name}")
        CliRunner().invoke(app, ["-C", str(again.root), "import", str(tmp_path / name)])
        assert in_json(CliRunner().invoke(app, ["-C", str(again.root), "stats", "--json"]))["splits"] == kept


def test_split_says_how_many_went_where(studio: Studio, pairs: str) -> None:
    studio("import", pairs)
    splits = in_json(studio("split", "--json"))["splits"]
    assert sum(splits.values()) == 3 and splits["none"] == 0


def test_check_lists_what_it_found_fails_only_when_asked_to_and_takes_a_waiver(studio: Studio, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    asked = [("Is it late?", "yes"), ("is it late?", "no"), ("When does it come?", "[bold]soon")]
    rows.write_text("\n".join(json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in asked))
    studio("import", str(rows))
    result = studio("check")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "trivial_prompt" not in lines
    assert lines["contradictory_duplicates"].split()[1:4] == ["warning", "2", "–"]
    assert "at most 66.6 % of all 3 rows" in lines["contradictory_duplicates"]
    only = ("--only", "contradictory_duplicates")
    for level, code in (("error", 0), ("warn", 1), ("info", 1)):
        assert studio("check", *only, "--fail-on", level).exit_code == code
    assert studio("check", "--fail-on", "warning", "--only", "trivial_prompt, exact_duplicates").exit_code == 0
    (found,) = in_json(studio("check", *only, "--json"))
    assert (found["rows"], found["severity"], found["groups"], found["is_open"]) == (2, "warning", [[1, 2]], True)

    assert "waive contradictory_duplicates" in studio("check", "--waive", only[1], "--reason", "it depends").stderr
    assert studio("check", *only, "--fail-on", "warn").exit_code == 0
    assert "Waived by" in studio("check", *only).stdout
    (found,) = in_json(studio("check", *only, "--json"))
    assert (found["waiver"]["reason"], found["is_open"]) == ("it depends", False)
    studio("check", "--unwaive", only[1])
    assert studio("check", *only, "--fail-on", "warn").exit_code == 1


def test_check_shows_what_a_fix_does_before_it_does_it_and_masks_what_is_private(
    studio: Studio, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    asked = [("Where is it?", " In the van.\n"), ("The token?", f"It is {secret}"), ("Who?", "The driver.")]
    rows.write_text("\n".join(json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in asked))
    studio("import", str(rows))
    shown = studio("check", "--fix", "edge_space")
    assert "take the white space off: 1 row" in shown.stdout and "nothing was changed" in shown.stderr
    assert in_json(studio("check", "--only", "edge_space", "--json"))[0]["rows"] == 1
    assert "saved" in studio("check", "--fix", "edge_space", "--apply").stderr
    assert in_json(studio("check", "--only", "edge_space", "--json"))[0]["rows"] == 0
    for wrong in (("--fix", "edge_space"), ("--fix", "secrets"), ("--apply",)):
        assert studio("check", *wrong).exit_code == 2
    (found,) = in_json(studio("check", "--only", "secrets", "--json"))
    assert found["samples"][0]["part"].startswith("ghp•••") and secret not in json.dumps(found)
    (found,) = in_json(studio("check", "--only", "secrets", "--json", "--reveal"))
    assert found["samples"][0]["part"] == secret
    assert studio("check", "--fail-on", "error").exit_code == 1


def test_runs_lists_the_newest_first_in_the_words_of_the_design(studio: Studio, project: Project) -> None:
    for name in ("train-1", "train-2"):
        run = RunDirectory(project.runs_path / name)
        run.path.mkdir()
        run.spec_path.write_text(TrainSpec(base_model="m").to_json())
        run.process_path.write_text("{}")
        writer = EventWriter(run.events_path)
        writer.write(Started(pid=1, host="h", kind="train"))
        writer.write(Plan(steps=4, rows=8))
    writer.write(Failed(message="the loss is not a number.", hint="Lower learning_rate."))
    listed = in_json(studio("runs", "--json"))
    assert {(run["run_id"], run["status"]) for run in listed} == {("train-1", "lost"), ("train-2", "failed")}
    assert {"run_id", "kind", "status", "step", "steps", "loss", "eval_loss", "tokens_per_second"} <= set(listed[0])
    watched = studio("watch", "train-2")
    assert watched.exit_code == 1
    assert "the loss is not a number." in watched.stderr and "Lower learning_rate." in watched.stderr


def test_stopping_a_run_that_is_not_running_is_said(studio: Studio, project: Project) -> None:
    run = RunDirectory(project.runs_path / "train-1")
    run.path.mkdir()
    run.spec_path.write_text(TrainSpec().to_json())
    writer = EventWriter(run.events_path)
    writer.write(Started(pid=1, host="h", kind="train"))
    writer.write(Finished(seconds=1))
    result = studio("stop", "train-1")
    assert result.exit_code == 2 and "is not running: finished" in result.stderr
    assert "nothing to resume" in studio("resume", "train-1").stderr


def test_training_without_a_split_says_what_to_do(
    studio: Studio, pairs: str, tiny_model_folder: Path, project: Project
) -> None:
    studio("import", pairs)
    result = studio("train", "--set", f"base_model={tiny_model_folder}")
    assert result.exit_code == 1
    assert "studio split" in result.stderr


def test_over_long_rows_refuse_the_run_until_their_fate_is_named(
    studio: Studio, pairs: str, tiny_model_folder: Path
) -> None:
    studio("import", pairs)
    studio("split", "--test", "0", "--validation", "0")
    result = studio("train", "--set", f"base_model={tiny_model_folder}", "--set", "max_length=10")
    assert result.exit_code == 1
    assert "over max_length=10" in result.stderr and "overlong=drop" in result.stderr


def test_window_counts_every_fate(studio: Studio, pairs: str, tiny_model_folder: Path) -> None:
    studio("import", pairs)
    report = in_json(
        studio("window", "--model", str(tiny_model_folder), "--max-length", "10", "--shots", "2", "--json")
    )
    assert report["examples"] == 3 and report["max_length"] == 10
    assert sum(report["fates"].values()) == 3
    assert [cost["shots"] for cost in report["shots"]][:1] == [2]


def test_help_names_every_verb_and_reads_without_a_project(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["-C", str(tmp_path), "--help"])
    assert result.exit_code == 0
    verbs = (
        "open init demo import export stats check label undo redo window show split models train runs watch stop resume"
    )
    for verb in f"{verbs} compare try".split():
        assert verb in result.stdout


def test_train_lists_its_settings_with_their_defaults(studio: Studio) -> None:
    listed = studio("train", "--settings")
    assert listed.exit_code == 0
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert lines["epochs"].split()[1] == "2" and "Passes over the training rows." in lines["epochs"]
    assert lines["labels"].split()[1] == "accept,none"
    assert "is_trusted" not in lines, "what the start fills in is nobody's to set"
    assert studio("train", "--set", "is_trusted=true").exit_code == 2
    assert re.search(r"latency_rows +4 ", studio("compare", "--settings").stdout)
    assert "latency_rows=-1 is too small" in studio("compare", "--arms", "zero_shot", "--set", "latency_rows=-1").stderr
