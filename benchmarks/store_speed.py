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
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from studio.acts.importing import confirm_import, parse_mapping, preview_import
from studio.acts.models import resolve_model
from studio.acts.window import check_window
from studio.dataset.store import Store
from studio.project import DEFAULT_MODEL, Project
from studio.tokens.tokenizer import ModelFolder

ValueT = TypeVar("ValueT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", default="")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)

    def timed(name: str, act: Callable[[], ValueT]) -> ValueT:
        started = time.perf_counter()
        result = act()
        seconds[name].append(time.perf_counter() - started)
        return result

    folder = resolve_model(arguments.model).path
    rows = 0
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            project = Project.init(Path(scratch) / "p")
            with Store.open(project.store_path, "bench") as store:
                preview = timed("read and preview", lambda: preview_import(store, [arguments.file], parse_mapping(arguments.map)))  # noqa: B023
                rows = timed("import", lambda: confirm_import(store, preview)).added  # noqa: B023
                # A new ModelFolder each time: what a fresh process would have to load counts.
                timed("first check", lambda: check_window(store, ModelFolder(folder), 512))  # noqa: B023
                timed("check again", lambda: check_window(store, ModelFolder(folder), 512))  # noqa: B023
                store.set_text(1, prompt="Another question?")
                timed("one row edited", lambda: check_window(store, ModelFolder(folder), 512))  # noqa: B023
            verb = [sys.executable, "-m", "studio", "-C", str(project.root)]
            fresh = Project.init(Path(scratch) / "q")
            command = [*verb[:-1], str(fresh.root), "import", str(arguments.file), "--map", arguments.map]
            timed("verb: import", lambda: subprocess.run(command, check=True, capture_output=True))  # noqa: B023
            timed("verb: window again", lambda: subprocess.run([*verb, "window", "--model", str(folder)], check=True, capture_output=True))  # noqa: B023
    print(f"{arguments.file.name}: {rows:,} rows, median of {arguments.rounds}")
    for name, measured in seconds.items():
        print(f"{name:<20} {statistics.median(measured):7.3f} s")


if __name__ == "__main__":
    main()
