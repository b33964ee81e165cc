"""Zooming and panning over the steps of a run."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from studio.project import Project
from studio.runs.events import EventWriter, Finished, Step, Warned
from studio.tui.screens.runs.sight import LEAST_SPAN, Sight
from tests.tui.data_story import NARROW, press, said, shown
from tests.tui.run_story import opened_on, train_run

MOVES = st.lists(st.tuples(st.sampled_from(["in", "out", "left", "right"]), st.integers(0, 400)), max_size=30)


@given(st.integers(1, 400), MOVES)
def test_what_is_in_sight_are_always_steps_that_there_are(steps: int, moves: list[tuple[str, int]]) -> None:
    sight = Sight()
    for move, around in moves:
        before = sight.part(steps)
        kept = min(around, steps - 1)
        if move in ("in", "out"):
            sight = sight.zoomed(steps, move == "in", kept)
            if before[0] <= kept <= before[1]:
                first, last = sight.part(steps)
                assert first <= kept <= last, "what was looked at stays in sight"
        else:
            sight = sight.panned(steps, 1 if move == "right" else -1)
        first, last = sight.part(steps)
        assert 0 <= first <= last < steps
        assert last - first + 1 >= min(LEAST_SPAN, steps)
        assert sight.with_step(steps, kept).part(steps)[0] <= kept <= sight.with_step(steps, kept).part(steps)[1]


def test_zooming_in_on_the_first_step_keeps_it() -> None:
    assert Sight().zoomed(16, True, 0).part(16) == (0, 7)


def test_the_newest_steps_stay_in_sight_while_more_come() -> None:
    sight = Sight().zoomed(100, True, None)
    assert (sight.part(100), sight.part(130)) == ((50, 99), (80, 129))


async def test_plus_and_minus_zoom_shift_arrows_pan_and_what_is_no_number_is_marked(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    run = train_run(project, "train-1")
    events = EventWriter(run.events_path)
    for step in range(41, 81):
        loss = math.nan if step == 60 else 0.2
        events.write(
            Step(step=step, epoch=2, tokens=9, loss=loss, learning_rate=1e-3, grad_norm=1.0, tokens_per_second=1.0)
        )
    events.write(Warned(step=70, message="throughput: 1 tokens/s", hint="top shows it", watchdog="throughput"))
    events.write(Finished(seconds=1))
    events.close()
    async with opened_on(project, "runs", NARROW) as pilot:
        assert "✗" in shown(pilot).split("┴")[0].splitlines()[-1] or "✗" in shown(pilot)
        assert "▲ step 70: throughput: 1 tokens/s · top shows it" in " ".join(shown(pilot).split())
        await press(pilot, "+")
        assert "steps 41 to 80" in shown(pilot)
        await press(pilot, "<", "shift+left")
        assert "steps 21 to 60" in shown(pilot)
        await press(pilot, "+", "+", "+", "+", "+")
        assert said(pilot) == "no further"
        await press(pilot, ">", "-", "-", "-", "-", "-")
        assert "steps" not in shown(pilot).split("x: step")[1].splitlines()[0]
        await press(pilot, "-")
        assert said(pilot) == "that is all there is"
