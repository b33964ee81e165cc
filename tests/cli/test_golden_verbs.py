"""What verbs print, byte for byte: tables, ``--json`` and every help.

pytest tests/cli/test_golden_verbs.py --make-pictures     makes them anew; then read the difference
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.cli.app import VERBS, app
from studio.cli.common import Verb
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
RECORDED = Path(__file__).parents[1] / "recorded"
COMPARISON = "compare-1125-043826-df"
SYSTEM = "You answer the customers of a shop. "


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Path) -> Project:
    """A project of nine rows and the recorded demo's two runs, beside a model of a few kilobytes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("STUDIO_CACHE", "cache")
    project = Project.init(tmp_path / "desk", max_length=48)
    for order, name in enumerate(sorted((run.name for run in RECORDED.iterdir() if run.is_dir()), reverse=True)):
        run = shutil.copytree(RECORDED / name, project.runs_path / name)
        (run / "process.json").write_text("{}")
        os.utime(run / "spec.json", (order, order))
    rows = [
        Candidate(
            f"where is order {n}, it has not arrived" * (n % 4 + 1), f"on its way {n}", "tickets", SYSTEM * (n % 2)
        )
        for n in range(8)
    ]
    with Store.open(project.store_path, "anna") as store:
        store.add([*rows, Candidate("the colour of the sky", "blue")], "")
        store.set_label([1, 2, 9], "accept")
        store.set_label([3], "reject")
        store.assign_splits(0.25, 0.25)
    shutil.copytree(tiny_model_folder, tmp_path / "tiny")
    cached = tmp_path / "cache" / "models" / "smollm2-360m"
    cached.mkdir(parents=True)
    config = {"model_type": "llama", "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}
    (cached / "config.json").write_text(json.dumps(config))
    (cached / "model.safetensors").write_bytes(bytes(134_000))
    return project


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["-C", "desk", *arguments])
    assert result.exit_code == 0, result.stderr
    assert "\x1b" not in result.stdout
    return result.stdout


def check(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / name
    if request.config.getoption("--make-pictures"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode(), "pytest --make-pictures, then read the difference"


VERB_FILES = {
    "stats.txt": ("stats",),
    "stats.json": ("stats", "--json"),
    "window.txt": ("window", "--model", "./tiny", "--shots", "0", "--shots", "1", "--shots", "5"),
    "window.json": ("window", "--model", "./tiny", "--json"),
    "compare.txt": ("compare", "--show", COMPARISON, "--by-task"),
    "compare.json": ("compare", "--show", COMPARISON, "--json"),
    "runs.txt": ("runs",),
    "runs.json": ("runs", "--json"),
    "rows.txt": ("rows", "--sort", "task,example_id:desc"),
    "models.txt": ("models", "list"),
    "models.json": ("models", "list", "--json"),
    "show.txt": ("show", "2"),
    "show-tokens.txt": ("show", "2", "--tokens", "--model", "./tiny"),
    "train-settings.txt": ("train", "--settings"),
    "compare-settings.txt": ("compare", "--settings"),
}


@pytest.mark.parametrize("name", VERB_FILES)
def test_a_verb_prints_what_its_golden_file_holds(name: str, desk: Project, request: pytest.FixtureRequest) -> None:
    check(name, printed(*VERB_FILES[name]), request)


def every_verb(verbs: tuple[Verb, ...], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for verb in verbs:
        found += [(*before, verb.name), *every_verb(verb.children, (*before, verb.name))]
    return found


def test_every_help_reads_as_its_golden_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    texts = []
    for path in [(), *every_verb(VERBS)]:
        result = CliRunner().invoke(app, [*path, "--help"])
        assert (result.exit_code, result.stderr) == (0, "")
        assert "\x1b" not in result.stdout and all(len(line) <= 100 for line in result.stdout.splitlines())
        texts.append(result.stdout)
    check("help.txt", f"\n{'─' * 100}\n".join(texts), request)


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {*VERB_FILES, "help.txt"}
