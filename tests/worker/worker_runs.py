"""Making run directories and running them, in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from studio.files import JsonObject, read_json_lines, write_whole
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.events import EventWriter
from studio.runs.specs import CompareSpec, TrainSpec, read_spec
from studio.worker.__main__ import work
from studio.worker.session import Session

COLOURS = ("blue", "green", "red", "white", "black", "brown")
THINGS = ("sky", "grass", "rose", "snow", "night", "bear", "sea", "leaf", "brick", "milk", "coal", "bread")


def colour_rows(count: int, start: int = 0) -> list[FrozenRow]:
    """Rows of uneven length, so that batches have something to sort and to pad."""
    rows = []
    for number in range(start, start + count):
        thing = THINGS[number % len(THINGS)]
        prompt = f"{'what ' * (number % 4)}is the colour of {thing} {number}"
        rows.append(
            FrozenRow(number, "colour", prompt, f"it is {COLOURS[number % len(COLOURS)]}" + " indeed" * (number % 3))
        )
    return rows


def make_run(folder: Path, spec: TrainSpec | CompareSpec, **splits: list[FrozenRow]) -> RunDirectory:
    """A complete run directory with these frozen rows."""
    directory = RunDirectory(folder)
    folder.mkdir(parents=True)
    for split, rows in splits.items():
        write_rows(directory.rows_path(split), rows)
    write_whole(directory.spec_path, spec.to_json())
    return directory


def tiny_spec(model: Path, **settings: Any) -> TrainSpec:
    fixed: dict[str, Any] = {"base_model": "tiny", "model_path": str(model), "dtype": "float32", "micro_batch_size": 2}
    return TrainSpec(**{**fixed, "batch_size": 4, "epochs": 2, "lora_rank": 4, **settings})


def run_here(directory: RunDirectory) -> list[JsonObject]:
    """Work on the run in this process; what stands in its events.jsonl."""
    events = EventWriter(directory.events_path)
    try:
        work(Session(directory, events), read_spec(directory))
    finally:
        events.close()
    return read_json_lines(directory.events_path)[0]


def start_process(directory: RunDirectory, **environment: str) -> subprocess.Popen[bytes]:
    """Work on the run in a process of its own, as the studio starts it."""
    with directory.log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "studio.worker", str(directory.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **environment},
            preexec_fn=_use_one_core,
        )


def _use_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # two threads on a two-layer model wait for each other


def named(events: list[JsonObject], name: str) -> list[JsonObject]:
    return [event for event in events if event["event"] == name]
