"""Import and window check of one real file: seconds, by the same functions that the verbs and screens call.

    python benchmarks/store_speed.py FILE --map prompt=question,completion=answer [--model NAME] [--rounds 3]

Each round makes a new store. "first check" tokenizes every row; "check again" finds that nothing has changed; "one row
edited" tokenizes that row. "verb" is the whole command in a fresh process, interpreter start included.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from studio.acts.importing import confirm_import, parse_mapping, preview_import
from studio.acts.window import check_window
from studio.dataset.store import Store
from studio.models.finding import resolve_model
from studio.project import DEFAULT_MODEL, Project
from studio.tokens.tokenizer import ModelFolder

ValueT = TypeVar("ValueT")


def measured_round(file: Path, mapping: str, model: Path) -> tuple[int, dict[str, float]]:
    """One round in a new store: (rows, seconds by name)."""
    seconds: dict[str, float] = {}

    def timed(name: str, act: Callable[[], ValueT]) -> ValueT:
        started = time.perf_counter()
        result = act()
        seconds[name] = time.perf_counter() - started
        return result

    def check() -> object:
        # A new ModelFolder each time: what a fresh process would have to load counts.
        return check_window(store, ModelFolder(model), 512)

    def run(project: Project, *arguments: str) -> object:
        command = [sys.executable, "-m", "studio", "-C", str(project.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True)

    with tempfile.TemporaryDirectory() as scratch:
        project, fresh = Project.init(Path(scratch) / "p"), Project.init(Path(scratch) / "q")
        with Store.open(project.store_path, "bench") as store:
            preview = timed("read and preview", lambda: preview_import(store, [file], parse_mapping(mapping)))
            rows = timed("import", lambda: confirm_import(store, preview)).added
            timed("first check", check)
            timed("check again", check)
            store.set_text(1, prompt="Another question?")
            timed("one row edited", check)
        timed("verb: import", lambda: run(fresh, "import", str(file), "--map", mapping))
        timed("verb: window again", lambda: run(project, "window", "--model", str(model)))
    return rows, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", default="")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    model = resolve_model(arguments.model).path
    rounds = [measured_round(arguments.file, arguments.map, model) for _ in range(arguments.rounds)]
    rows = rounds[0][0]
    print(f"{arguments.file.name}: {rows:,} rows, median of {arguments.rounds}")
    for name in rounds[0][1]:
        print(f"{name:<20} {statistics.median(seconds[name] for _, seconds in rounds):7.3f} s")


if __name__ == "__main__":
    main()
