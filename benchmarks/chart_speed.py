"""How long a run of a million steps takes to open, and each frame of its chart.

    python benchmarks/chart_speed.py [--steps 1000000] [--width 140] [--height 40]

The run is written as its worker writes it. Printed, in milliseconds of the processor: the opening (the status and every
series, as a screen has them) and the reading of its curves, both of which happen in a thread; the first frame; the
median and worst of frames as keys and steps make them.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from studio.files import write_whole
from studio.reports.chart import render_chart
from studio.runs.directory import RunDirectory
from studio.runs.events import Evaluation, EventWriter, Finished, Plan, Started, Step
from studio.runs.series import STEP_COLUMNS
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState
from studio.tui.run_poll import RunPoll
from studio.tui.screens.runs.curves import (
    ChartChoice,
    border_marks,
    curve_names,
    loss_series,
    read_out,
    seen_range,
    side_series,
)
from studio.tui.screens.runs.shelf import Shelf, read_curves
from studio.tui.screens.runs.sight import Sight

FRAMES = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=140)
    parser.add_argument("--height", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        write_run(RunDirectory(runs / "train-1"), arguments.steps)
        poll = RunPoll(runs)
        print(f"opening       {_milliseconds(poll.poll):8.1f} ms")
        (state,) = poll.poll()
        frames = Frames(state, arguments.width, arguments.height)
        print(f"reading       {_milliseconds(frames.read):8.1f} ms")
        print(f"first frame   {_milliseconds(frames.draw):8.1f} ms")
        for name, before, act in (
            ("crosshair", None, frames.move),
            ("zoom", None, frames.zoom),
            ("pan", None, frames.pan),
            ("one step more", frames.grow, frames.draw),
        ):
            spent = sorted(_milliseconds(act, before) for _ in range(FRAMES))
            print(f"{name:<14}{spent[FRAMES // 2]:8.1f} ms, worst {spent[-1]:.1f} ms")
    return 0


class Frames:
    """What the Runs screen draws of one run, without the screen around it."""

    def __init__(self, state: RunState, width: int, height: int) -> None:
        self._state, self._width, self._height = state, width, height
        self._choice, self._shelf, self._at = ChartChoice(), Shelf(), len(state.series.step) - 1

    def read(self) -> None:
        self._shelf.put(
            read_curves(self._state, self._shelf.unread(self._state, curve_names(self._state, self._choice)))
        )

    def draw(self) -> None:
        state, choice = self._state, self._choice
        x_range = seen_range(state, choice, self._shelf)
        marker = float(state.series.step[self._at])
        read_out(state, self._at, choice, self._shelf)
        render_chart(
            loss_series(state, choice, (), self._shelf),
            self._width,
            self._height - 16,
            marker_x=marker,
            marks=border_marks(state, choice, self._shelf),
            x_range=x_range,
        )
        for series in side_series(state, choice, self._shelf).values():
            render_chart([series], self._width // 3, 6, marker_x=marker, x_range=x_range)

    def move(self) -> None:
        self._at -= len(self._state.series.step) // self._width
        self.draw()

    def zoom(self) -> None:
        steps = len(self._state.series.step)
        self._choice = replace(self._choice, sight=self._choice.sight.zoomed(steps, True, self._at))
        self.draw()

    def pan(self) -> None:
        self._choice = replace(self._choice, sight=Sight(len(self._state.series.step) // 3))
        self._choice = replace(self._choice, sight=self._choice.sight.panned(len(self._state.series.step), -1))
        self.draw()

    def grow(self) -> None:
        """A step more, as the thread that looks at runs hands it over."""
        series = self._state.series = self._state.series.copied()
        series.step.append(series.step[-1] + 1)
        for name in STEP_COLUMNS[1:]:
            getattr(series, name).append(getattr(series, name)[-1])
        self._choice = ChartChoice()


def write_run(directory: RunDirectory, steps: int) -> None:
    """A run of so many steps, with an evaluation every thousandth of it."""
    directory.path.mkdir(parents=True)
    chance = random.Random(0)
    events = EventWriter(directory.events_path)
    events.write(Started(pid=1, host="here", kind="train"))
    events.write(Plan(steps=steps, steps_per_epoch=1000, rows=8000, dtype="bfloat16"))
    for step in range(1, steps + 1):
        loss = 0.3 + 2 * math.exp(-step / (steps / 5)) + chance.gauss(0, 0.05)
        events.write(
            Step(
                step=step,
                epoch=step / 1000,
                tokens=step * 200,
                loss=loss,
                learning_rate=1e-3,
                grad_norm=1.0,
                tokens_per_second=230.0,
                memory_bytes=2_800_000_000,
            )
        )
        if step % max(1, steps // 1000) == 0:
            events.write(Evaluation(step=step, eval_loss=loss + 0.1, tokens=step * 200))
    events.write(Finished(seconds=steps))
    events.close()
    directory.process_path.write_text("{}")
    write_whole(directory.spec_path, TrainSpec(base_model="tiny").to_json())


def _milliseconds(act: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    if before is not None:
        before()
    started = time.process_time()  # other programs' time is none of this one's
    act()
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
