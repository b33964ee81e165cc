"""Whether a key stays quick while a training works on the same cores.

    python benchmarks/ui_while_training.py --model smollm2-135m-instruct [--rows 2000] [--keys 40] [--size 120x40]
                                           [--niceness 5]

A project is made with so many rows, a LoRA training started on them as ``studio train`` starts it, and ``j`` and a page
down are sent to Data and to Runs while it works. Milliseconds from the key to the last byte of what it changed, before
the training and during it, and the training's tokens a second with nobody at the keys and with somebody.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.line import DOWN, PAGE_DOWN, RUNS, Terminal
from studio.acts.training import start_training, stop_run
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.directory import find_run
from studio.runs.events import Step, read_events
from studio.runs.places import local
from studio.runs.specs import TrainSpec

LIMIT_MILLISECONDS = 100.0
STEPS_ALONE = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--keys", type=int, default=40, help="times that each key is sent")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--niceness", type=int, default=local.NICENESS, help="of the training, to compare in turns")
    arguments = parser.parse_args()
    local.NICENESS = arguments.niceness
    columns, _, lines = arguments.size.partition("x")
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder) / "desk", arguments.model, arguments.rows)
        command = [sys.executable, "-m", "studio", "-C", str(project.root)]
        _report("alone", command, (int(columns), int(lines)), arguments.keys)
        with Store.open(project.store_path, "bench") as store:
            run_id = start_training(project, store, TrainSpec(max_length=512, overlong="drop", epochs=1000))
        try:
            _wait_for_steps(project, run_id, STEPS_ALONE + 1)
            before = _steps(project, run_id)
            print(f"training alone: {_pace(before[1:]):.0f} tokens/s")
            worst = _report("while a training works", command, (int(columns), int(lines)), arguments.keys)
            during = _steps(project, run_id)[len(before) :]
            print(f"training meanwhile: {_pace(during):.0f} tokens/s over {len(during)} steps")
        finally:
            stop_run(project, run_id, at_once=True)
    print(f"p95 {worst:.0f} ms: {'within' if worst <= LIMIT_MILLISECONDS else 'over'} {LIMIT_MILLISECONDS:.0f} ms")


def _project(root: Path, model: str, rows: int) -> Project:
    project = Project.init(root, base_model=model)
    pairs = (
        Candidate(f"Where is order {number}? " + "I wait. " * (number % 30), f"Order {number} comes.", split="train")
        for number in range(rows)
    )
    with Store.open(project.store_path, "bench") as store:
        store.add(list(pairs), "rows")
    return project


def _report(when: str, command: list[str], size: tuple[int, int], times: int) -> float:
    """The largest of the keys' 95th percentiles, in milliseconds."""
    terminal = Terminal(command, size)
    terminal.until("Where is order")
    terminal.quiet(2.0)
    worst = 0.0
    for screen, keys in (("Data", (DOWN, PAGE_DOWN)), ("Runs", (DOWN,))):
        if screen == "Runs":
            terminal.child.send(RUNS)
            terminal.quiet(1.0)
        for key in keys:
            costs = sorted(terminal.cost(key).milliseconds for _ in range(times))
            p95 = costs[int(0.95 * (len(costs) - 1))]
            worst = max(worst, p95 if screen == "Data" else 0.0)  # Runs has a clock, which paints by itself
            print(f"{when}: {screen} {key!r} p50 {statistics.median(costs):.0f} ms, p95 {p95:.0f} ms")
    terminal.close()
    return worst


def _steps(project: Project, run_id: str) -> list[Step]:
    events, _ = read_events(find_run(project.runs_path, run_id).events_path)
    return [event for event in events if isinstance(event, Step)]


def _wait_for_steps(project: Project, run_id: str, count: int) -> None:
    while len(_steps(project, run_id)) < count:
        time.sleep(0.2)


def _pace(steps: list[Step]) -> float:
    """Median tokens a second; 0 of none."""
    return statistics.median([step.tokens_per_second or 0.0 for step in steps] or [0.0])


if __name__ == "__main__":
    main()
