"""The verbs as code: who lists whom, and what the help is made from."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from studio.cli.app import app
from studio.project import Project

CLI = Path(__file__).parents[2] / "studio" / "cli"
RECORDED = Path(__file__).parents[1] / "recorded"
MODULES = sorted(path.stem for path in CLI.glob("*.py") if path.stem != "__init__")


def imported_by(module: str) -> set[str]:
    """Modules of the room that a module imports, inside its functions too."""
    tree = ast.parse((CLI / f"{module}.py").read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.removeprefix("studio.cli.") for name in names if name.startswith("studio.cli.")}


def test_no_verb_imports_the_command_that_lists_it() -> None:
    assert not any("app" in imported_by(module) for module in MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_file_of_verbs_can_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import studio.cli.{module}"], check=True)


def test_the_help_is_there_without_the_packages_that_draw_and_store(tmp_path: Path) -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from studio.cli.app import app;"
        "said = [CliRunner().invoke(app, [verb, '--help']).stdout for verb in ('compare', 'import', 'window')];"
        "print([name for name in ('duckdb', 'numpy', 'tokenizers', 'textual') if name in sys.modules], all(said))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[] True"


def test_a_comparison_says_in_which_dtype_it_was_answered(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    run = shutil.copytree(RECORDED / "compare-1125-043826-df", project.runs_path / "compare-1125-043826-df")
    scores = json.loads((run / "scores.json").read_text())
    (run / "scores.json").write_text(json.dumps(scores | {"dtype": "bfloat16"}))
    shown = CliRunner().invoke(app, ["-C", str(project.root), "compare", "--show", run.name])
    assert "\nAnswered in bfloat16.\n" in shown.stdout
    as_json = CliRunner().invoke(app, ["-C", str(project.root), "compare", "--show", run.name, "--json"])
    assert json.loads(as_json.stdout)["dtype"] == "bfloat16"


class AnsweredAtOnce:
    """An answering process that has its answer ready; an older one does not name its dtype."""

    last: ClassVar[dict[str, Any]] = {
        "arm": "zero_shot",
        "done": True,
        "tokens": 1,
        "tokens_per_second": 30.06,
        "prompt_tokens": 9,
    }

    def __init__(self, on_reply: Any) -> None:
        self._on_reply = on_reply

    def ask(self, *question: Any) -> None:
        self._on_reply({"arm": "zero_shot", "text": "On its way."})
        self._on_reply(self.last)

    def close(self) -> None:
        """There is no process to end."""


@pytest.mark.parametrize(
    ("reply", "said"),
    [({"dtype": "bfloat16"}, "zero_shot · 1 token · 30.1 tok/s · bfloat16"), ({}, "zero_shot · 1 token · 30.1 tok/s")],
)
def test_try_says_in_which_dtype_it_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_folder: Path, reply: dict[str, str], said: str
) -> None:
    monkeypatch.setattr("studio.acts.trying.Answerer", AnsweredAtOnce)
    monkeypatch.setattr(AnsweredAtOnce, "last", AnsweredAtOnce.last | reply)
    asked = ["-C", str(tmp_path), "try", "Where is order 7?", "--model", str(tiny_model_folder)]
    result = CliRunner().invoke(app, asked)
    assert (result.exit_code, result.stdout) == (0, "On its way.\n")
    assert said in result.stderr.splitlines()
    answer = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)["arms"]["zero_shot"]
    assert answer.get("dtype") == reply.get("dtype") and answer["text"] == "On its way."
