"""A history of comparisons as a table that is a chart: a line a comparison, its interval drawn to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from studio.reports.compare import scores_of
from studio.reports.intervals import IntervalBar
from studio.reports.numbers import NOTHING, number, out_of_100
from studio.reports.table import SHORT_TITLES, Cell, Column, Table
from studio.runs.specs import CompareSpec
from studio.scoring.comparison import Comparison
from studio.scoring.intervals import Interval
from studio.scoring.scorers import SCORERS

NARROWEST_BAR, WIDEST_BAR = 12, 40


@dataclass(frozen=True)
class PastComparison:
    """A finished comparison. ``at`` is when it was started, in seconds since the epoch; ``title`` its name or id.

    ``tuned_run`` names the train run of its tuned arm. ``row_set`` is a letter: comparisons of one letter have the same
    held-out rows with the same references, so that their scores can be held against each other.
    """

    run_id: str
    title: str
    at: float
    spec: CompareSpec
    scores: Comparison
    tuned_run: str
    row_set: str

    @property
    def tuned_arm(self) -> str:
        """The arm of its own run where it has one, else the best tuned one; empty for none."""
        own = [arm for arm in self.scores.tuned_arms if arm == "tuned"]
        return own[0] if own else self.scores.tuned


def history_table(past: Sequence[PastComparison], task: str = "", *, by_task: bool = False) -> Table:
    """A line a comparison, oldest first: the tuned arm's headline score with its interval, and the best other arm's.

    ``task`` takes one task, ``by_task`` every task of its own; else the score is over the tasks of the headline.
    """
    columns = [
        Column("when", is_left=True),
        Column("comparison", is_left=True),
        Column("tuned run", is_left=True),
        Column("task", is_left=True),
        Column("score", is_left=True),
        Column("n"),
        Column("rows", is_left=True),
        Column("tuned"),
        Column("", is_left=True, least=NARROWEST_BAR, most=WIDEST_BAR),
        Column("95 %"),
        Column("best other arm", "against", is_left=True),
        Column("its score", "other"),
    ]
    rows = [_row(one, name) for one in past for name in _tasks(one, task, by_task=by_task)]
    has_tasks = by_task or bool(task)
    scorers = {one.scores.headline_scorer for one in past}
    unused = [3] * (not has_tasks) + [4] * (len(scorers) == 1)
    shown = [at for at in range(len(columns)) if at not in unused]
    cuts = [(10,), (2,), (9,), (11,), (0,), (6,), (5,)]
    sets = {one.row_set for one in past}
    notes = [
        *([f"Scores are {_title(next(iter(scorers)))}, from 0 to 100."] if len(scorers) == 1 else []),
        *(["Only comparisons of one letter answered the same rows."] if len(sets) > 1 else []),
    ]
    return Table(
        [columns[at] for at in shown],
        [[row[at] for at in shown] for row in rows],
        [SHORT_TITLES, *(tuple(shown.index(at) for at in cut if at in shown) for cut in cuts)],
        notes,
    )


def history_json(past: Sequence[PastComparison]) -> list[dict[str, Any]]:
    """The history for scripts."""
    return [
        {
            "run_id": one.run_id,
            "name": one.title if one.title != one.run_id else "",
            "started_at": datetime.fromtimestamp(one.at).astimezone().isoformat(timespec="seconds"),
            "tuned_run": one.tuned_run,
            "row_set": one.row_set,
            "scorer": one.scores.headline_scorer,
            "arms": {
                arm: _facts(scores_of(one.scores, of).get(one.scores.headline_scorer))
                for arm, of in one.scores.arms.items()
            },
            "tasks": {
                task: {arm: _facts(_of_task(one, arm, task)) for arm in one.scores.arms} for task in one.scores.tasks
            },
            "verdict": one.scores.verdict,
        }
        for one in past
    ]


def _tasks(one: PastComparison, task: str, *, by_task: bool) -> list[str]:
    if by_task:
        return list(one.scores.tasks)
    return [task] if not task or task in one.scores.tasks else []


def _row(one: PastComparison, task: str) -> list[Cell]:
    scores, tuned = one.scores, one.tuned_arm
    ours, other = (_of_task(one, arm, task) for arm in (tuned, scores.baseline))
    is_better = ours is not None and other is not None and ours.low > other.high
    bar = None if ours is None else IntervalBar(ours.score, ours.low, ours.high)
    known = ours or other
    return [
        Cell(f"{datetime.fromtimestamp(one.at):%m-%d %H:%M}", "dim"),
        Cell(one.title, "title"),
        Cell(one.tuned_run or NOTHING, "dim"),
        Cell(task or NOTHING),
        Cell(_title(scores.headline_scorer), "dim"),
        Cell(number(known.n) if known else NOTHING, "dim"),
        Cell(one.row_set, "dim"),
        Cell(out_of_100(ours.score if ours else None), "good" if is_better else ""),
        Cell("", "good" if is_better else "", bar),
        Cell(f"{out_of_100(ours.low)}–{out_of_100(ours.high)}" if ours else NOTHING, "dim"),
        Cell(scores.baseline or NOTHING, "dim"),
        Cell(out_of_100(other.score if other else None), "dim"),
    ]


def _of_task(one: PastComparison, arm: str, task: str) -> Interval | None:
    """The score that decides the task, or the headline over all of its tasks."""
    if arm not in one.scores.arms:
        return None
    found = scores_of(one.scores, one.scores.arms[arm], task)
    return found.get(one.scores.primary.get(task, one.scores.headline_scorer) if task else one.scores.headline_scorer)


def _title(name: str) -> str:
    return next((scorer.title for scorer in SCORERS if scorer.name == name), name)


def _facts(interval: Interval | None) -> dict[str, float] | None:
    return (
        None
        if interval is None
        else {"score": interval.score, "low": interval.low, "high": interval.high, "n": interval.n}
    )
