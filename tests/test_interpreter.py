"""The studio is started in project folders, and those are handed around: nothing in one is ever imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import studio
from studio.interpreter import child_environment, python_module

PROGRAM = """
from studio.tokens.template import ChatTemplate
print(ChatTemplate("{{ messages[0]['content'] }}", {}).render([{"role": "user", "content": "Hi"}],
      add_generation_prompt=True))
"""


def test_a_json_py_in_a_shared_project_folder_was_run_by_the_processes_that_the_studio_starts(tmp_path: Path) -> None:
    for name in ("json", "jinja2", "torch", "resource", "studio"):
        (tmp_path / f"{name}.py").write_text(f"open('run-{name}', 'w')\n")
    command = [sys.executable, "-P", "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env=child_environment(), capture_output=True, text=True)
    assert done.stdout == "Hi\n", done.stderr
    subprocess.run(python_module("studio.worker"), cwd=tmp_path, env=child_environment(), capture_output=True)
    assert not list(tmp_path.glob("run-*"))


def test_a_checkout_that_is_not_installed_finds_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert child_environment()["PYTHONPATH"] == f"{Path(studio.__file__).parents[1]}:/elsewhere"
    monkeypatch.setattr(studio, "__file__", str(tmp_path / "site-packages" / "studio" / "__init__.py"))
    assert child_environment()["PYTHONPATH"] == "/elsewhere"


def test_no_module_is_started_in_another_way() -> None:
    files = Path(studio.__file__).parent.rglob("*.py")
    started = [path.name for path in files if re.search(r'executable,\s*"-m"', path.read_text(encoding="utf-8"))]
    assert started == []
