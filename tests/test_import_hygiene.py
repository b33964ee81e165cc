"""A boundary is a failing test. import-linter sees the written imports; here the running process is asked."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp
import pytest

import studio

HEAVY = ("torch", "transformers", "peft", "accelerate")
MODULES = [module.name for module in pkgutil.walk_packages(studio.__path__, "studio.")]
FLOOR = ["studio", *(f"studio.{path.stem}" for path in Path(studio.__path__[0]).glob("[!_]*.py"))]


def loaded_by(modules: Iterable[str]) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after importing ``modules``."""
    program = f"""
import importlib, sys
for name in {list(modules)!r}:
    importlib.import_module(name)
print(*{{name.split(".")[0] for name in sys.modules}})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def is_in(room: str, module: str) -> bool:
    return module == room or module.startswith(room + ".")


def test_no_verb_and_no_screen_loads_torch() -> None:
    beside_runs = [name for name in MODULES if not is_in("studio.worker", name) and not name.endswith("__main__")]
    assert "studio.tui.app" in beside_runs and "studio.cli.app" in beside_runs
    assert loaded_by(beside_runs).isdisjoint(HEAVY)


def test_reading_the_command_line_loads_neither_duckdb_nor_textual() -> None:
    loaded = loaded_by(["studio.cli.app"])
    assert loaded.isdisjoint({*HEAVY, "duckdb", "textual", "tokenizers", "numpy"})


def test_what_a_run_process_needs_loads_neither_textual_nor_duckdb() -> None:
    graph = grimp.build_graph("studio", cache_dir=None)
    worker = {module for module in graph.modules if is_in("studio.worker", module)}
    needed = set().union(*(graph.find_upstream_modules(module) for module in worker)) - worker
    assert {"studio.runs.specs", "studio.tokens.window"} <= needed
    assert loaded_by(sorted(needed)).isdisjoint({"textual", "duckdb"})


@pytest.mark.parametrize("name", FLOOR)
def test_the_floor_is_light(name: str) -> None:
    assert loaded_by([name]).isdisjoint({*HEAVY, "duckdb", "textual", "numpy", "rich", "typer"})
