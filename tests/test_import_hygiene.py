"""A boundary is a failing test. import-linter sees the written imports; here the running process is asked."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "peft", "accelerate")


def modules_after(program: str) -> set[str]:
    """Top-level modules loaded after ``program`` ran in a fresh interpreter."""
    tail = "\nimport sys; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    result = subprocess.run([sys.executable, "-c", program + tail], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_no_verb_and_no_screen_loads_torch() -> None:
    loaded = modules_after(
        "import pkgutil, importlib, studio\n"
        "for module in pkgutil.walk_packages(studio.__path__, 'studio.'):\n"
        "    if not module.name.startswith('studio.worker') and not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    assert loaded.isdisjoint(HEAVY)


def test_reading_the_command_line_loads_neither_duckdb_nor_textual() -> None:
    assert modules_after("import studio.cli.app").isdisjoint({*HEAVY, "duckdb", "textual", "tokenizers", "numpy"})


def test_what_a_run_process_needs_loads_neither_textual_nor_duckdb() -> None:
    loaded = modules_after(
        "import importlib\n"
        "for name in ('runs.specs', 'runs.arms', 'tokens.window', 'models.safety', 'scoring.summary'):\n"
        "    importlib.import_module('studio.' + name)\n"
    )
    assert loaded.isdisjoint({"textual", "duckdb"})


@pytest.mark.parametrize("name", ["studio", "studio.errors", "studio.project"])
def test_the_floor_is_light(name: str) -> None:
    assert modules_after(f"import {name}").isdisjoint({*HEAVY, "duckdb", "textual", "numpy", "rich", "typer"})
