"""The Compare screen as data: which rows tuning fixed or broke, and the table of arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from studio.reports.intervals import IntervalBar
from studio.reports.numbers import NOTHING, counted, latency, money, number, out_of_100, percent
from studio.reports.table import SHORT_TITLES, Cell, Column, Table
from studio.scoring.comparison import ArmSummary, Comparison
from studio.scoring.intervals import Interval
from studio.scoring.one_answer import Scores
from studio.scoring.own_scorers import OwnScore
from studio.scoring.scored_rows import HeldOutRow, Prediction, ScoredRows, score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.scorers.token_f1 import token_f1
from studio.scoring.summary import summarize_scored
from studio.turns import turns_in

CLEAR_DIFFERENCE = 0.1
NARROWEST_BAR, WIDEST_BAR = 10, 24
CUT = "cut"

# Fate of a row from the best untuned arm to the best tuned one -> (glyph, style name). The first four where there is
# one right answer, the next three where answers are only more or less like the reference, then without two arms, and of
# a row that some arm failed to answer, so that it is in nobody's score.
CHANGES = {
    "fixed": ("✚", "good"),
    "broken": ("✖", "bad"),
    "both": ("✓", "dim"),
    "neither": ("·", "dim"),
    "closer": ("▲", "good"),
    "farther": ("▼", "bad"),
    "alike": ("≈", "dim"),
    "single": (" ", "dim"),
    "failed": ("!", "warn"),
}


@dataclass(frozen=True)
class CompareRow:
    """One held-out row with every arm's answer.

    ``change`` is a key of ``CHANGES``. ``disagreement`` in 0..1 is half the difference of the two scores and half how
    little the two answers have in common; it sorts the rows worth reading to the top. ``decided_by`` names the scorer
    that judges the row, ``gained`` in -1..1 is how much more tuned has of it. ``faults`` says of an arm that its answer
    was cut or failed, ``sources`` what its answer was given to read; both only of arms of which there is something to
    say. ``context`` holds the turns before the prompt, as ``studio.turns`` writes them.
    """

    example_id: int
    task: str
    prompt: str
    reference: str
    answers: dict[str, str]
    scores: dict[str, Scores]
    change: str
    disagreement: float
    decided_by: str = EXACT_MATCH.name
    gained: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    context: str = ""

    @property
    def asked(self) -> str:
        """The prompt, after the turns before it where it is in a conversation, each with who said it."""
        turns = [f"{turn.role}: {turn.text}" for turn in turns_in(self.context)]
        return "\n\n".join([*turns, f"user: {self.prompt}"]) if turns else self.prompt

    def quality(self, arm: str) -> float:
        """The score in 0..1 that judges this answer."""
        return float(self.scores[arm].get(self.decided_by) or 0.0)

    def has_failed(self, arm: str) -> bool:
        """Whether there is no answer to judge: none came."""
        return self.faults.get(arm, CUT) != CUT

    @property
    def glyph(self) -> str:
        return CHANGES[self.change][0]

    @property
    def style(self) -> str:
        return CHANGES[self.change][1]


@dataclass(frozen=True)
class CompareView:
    """``rows`` in the order of the test set; ``changes`` counts every kind of change that occurs.

    ``pair`` are the arms that a change is between, before and after; none without a tuned arm and another.
    """

    comparison: Comparison
    rows: list[CompareRow]
    changes: dict[str, int]
    pair: tuple[str, ...] = ()


def compare_view(
    rows: Iterable[HeldOutRow],
    predictions: Iterable[Prediction],
    kept: Comparison | None = None,
    own_scores: Sequence[OwnScore] = (),
) -> CompareView:
    """Score and summarise the rows that every arm answered; those that an arm failed to answer follow them, unscored.

    Takes seconds for thousands of rows: call it in a thread.

    rows: the frozen test rows. predictions: lines of predictions.jsonl, of a comparison that may still be running.
    kept: what its ``scores.json`` says, None where there is none yet: which arms are tuned, what decides, the dtype.
    own_scores: those of the project's own scorers, which only the comparison itself asks.
    """
    rows = list(rows)
    if kept is None:
        scored = score_rows(rows, predictions)
        comparison = summarize_scored(scored)
    else:
        scored, comparison = _as_kept(rows, predictions, kept, own_scores)
    pair = (comparison.baseline, comparison.tuned) if comparison.baseline and comparison.tuned else None
    deciding = {task: _scorer_named(comparison, name) for task, name in comparison.primary.items()}
    compared = [_compared_row(row, scored, pair, deciding[row.task]) for row in scored.rows]
    compared += [_failed_row(row, failed, scored.arms) for row, failed in _failures(rows, scored)]
    counts = {change: sum(row.change == change for row in compared) for change in CHANGES}
    return CompareView(comparison, compared, {change: count for change, count in counts.items() if count}, pair or ())


def _as_kept(
    rows: Sequence[HeldOutRow], predictions: Iterable[Prediction], kept: Comparison, own_scores: Sequence[OwnScore]
) -> tuple[ScoredRows, Comparison]:
    """The rows with the scores that are shown of a row, and what was found.

    That is made anew where other rows are answered by now, and where an older studio found less (it kept no signature).
    """
    lines = list(predictions)
    shown = {scorer.name for scorer in SCORERS if scorer.is_column} | set(kept.primary.values())
    scored = _with_own(kept, score_rows(rows, lines, [one for one in SCORERS if one.name in shown]), own_scores)
    if kept.signatures and kept.rows == len(scored.rows) and set(kept.arms) == set(scored.arms):
        return scored, kept
    scored = _with_own(kept, score_rows(rows, lines), own_scores)
    named = {task: kept.primary[task] for task in kept.named}
    made = summarize_scored(scored, kept.tuned_arms, named, kept.faults, is_forgetting=kept.is_forgetting)
    return scored, replace(made, dtype=kept.dtype)


def _with_own(kept: Comparison, scored: ScoredRows, own_scores: Sequence[OwnScore]) -> ScoredRows:
    for scorer in kept.scorers[len(SCORERS) :]:
        scored = scored.with_scores(scorer, _by_arm(own_scores, scorer.name))
    return scored


def _scorer_named(comparison: Comparison, name: str) -> Scorer:
    return next(scorer for scorer in comparison.scorers if scorer.name == name)


def _compared_row(row: HeldOutRow, scored: ScoredRows, pair: tuple[str, str] | None, scorer: Scorer) -> CompareRow:
    given = {arm: predictions[row.example_id] for arm, predictions in scored.predictions.items()}
    made = CompareRow(
        example_id=row.example_id,
        task=row.task,
        prompt=row.prompt,
        reference=row.completion,
        answers={arm: str(prediction["text"]) for arm, prediction in given.items()},
        scores={arm: of[row.example_id] for arm, of in scored.scores.items()},
        change="single",
        disagreement=0.0,
        context=str(getattr(row, "context", "")),
        decided_by=scorer.name,
        faults={arm: fault for arm, prediction in given.items() if (fault := fault_of(prediction))},
        sources={arm: sources for arm, prediction in given.items() if (sources := sources_of(prediction))},
    )
    if pair is None:
        return made
    before, after = map(made.quality, pair)
    apart = 1 - token_f1(made.answers[pair[0]], made.answers[pair[1]])
    change, disagreement = _change(before, after, is_binary=scorer.is_binary), (abs(after - before) + apart) / 2
    return replace(made, change=change, disagreement=disagreement, gained=after - before)


def _by_arm(own_scores: Iterable[OwnScore], scorer: str) -> dict[str, dict[int, float | None]]:
    found: dict[str, dict[int, float | None]] = {}
    for one in own_scores:
        if one.scorer == scorer:
            found.setdefault(one.arm, {})[one.example_id] = one.score
    return found


def _failures(rows: Sequence[HeldOutRow], scored: ScoredRows) -> list[tuple[HeldOutRow, dict[str, Prediction]]]:
    """The rows that some arm failed to answer, with the predictions that say so, by arm."""
    by_row: dict[int, dict[str, Prediction]] = {}
    for arm, failed in scored.errors.items():
        for prediction in failed:
            by_row.setdefault(prediction["example_id"], {})[arm] = prediction
    return [(row, by_row[row.example_id]) for row in rows if row.example_id in by_row]


def _failed_row(row: HeldOutRow, failed: Mapping[str, Prediction], arms: Sequence[str]) -> CompareRow:
    return CompareRow(
        example_id=row.example_id,
        task=row.task,
        prompt=row.prompt,
        reference=row.completion,
        answers=dict.fromkeys(arms, ""),
        scores={arm: {} for arm in arms},
        change="failed",
        disagreement=0.0,
        context=str(getattr(row, "context", "")),
        faults={arm: fault_of(prediction) for arm, prediction in failed.items()},
    )


def fault_of(prediction: Prediction) -> str:
    """What is wrong with how an answer ended: ``"cut"``, or the words of its failure; empty for nothing."""
    error = prediction.get("error")
    if error:
        return str(error.get("message", error) if isinstance(error, Mapping) else error)
    return CUT if prediction["is_cut"] else ""


def sources_of(prediction: Prediction) -> tuple[str, ...]:
    """The passages or rows that an answer was given to read, in words; none for an arm that looks nothing up."""
    return tuple(map(_source_words, prediction.get("sources") or ()))


def _source_words(source: Mapping[str, Any]) -> str:
    score = source.get("score")
    return str(source.get("source", "")) + (f" ({score:.1f})" if isinstance(score, int | float) else "")


def _change(before: float, after: float, *, is_binary: bool) -> str:
    if not is_binary:
        if abs(after - before) < CLEAR_DIFFERENCE:
            return "alike"
        return "closer" if after > before else "farther"
    if before == after:
        return "both" if after else "neither"
    return "fixed" if after > before else "broken"


def compare_table(comparison: Comparison, context_window: int | None = None, task: str = "") -> Table:
    """Arms as rows: the headline score with its interval, the other scores, latency, prompt tokens.

    ``context_window`` adds the column of the window's share. ``task`` takes the scores over one task; over all tasks
    (empty) the headline score counts only the tasks it is fair for, as the verdict does, and ``*`` says so; another
    scorer that applies to some rows only has their number in its title. A dominated arm (see ``dominated_arms``) is
    dim, the best headline score is good.
    """
    arms = list(comparison.arms.values())
    scores = {arm.arm: scores_of(comparison, arm, task) for arm in arms}
    headline, others = _headline_and_others(comparison, scores)
    has_star = not task and comparison.headline_tasks != comparison.tasks
    slow, has_cost = _slowest(arms), any(arm.effort.cost for arm in arms)
    columns = [
        *[Column("arm", is_left=True), Column("n")],
        *_score_columns(headline, "*" * has_star),
        Column("95 %"),
        *(column for scorer in others for column in _score_columns(scorer, _n_where_it_differs(scorer, scores))),
        *[Column("latency"), *([Column(slow.title)] if slow else [])],
        *[Column("prompt tokens", "prompt"), *([Column("of the window", "window")] if context_window else [])],
        *([Column("cost of 1,000", "cost")] if has_cost else []),
    ]
    dominated = dominated_arms(arms, {arm: of.get(headline.name) for arm, of in scores.items()})
    best = max((of[headline.name].score for of in scores.values() if headline.name in of), default=0.0)
    rows = []
    for arm in arms:
        of = scores[arm.arm]
        style = "dim" if arm.arm in dominated else ""
        shown = of.get(headline.name)
        is_best = shown is not None and shown.score == best > 0
        row = [Cell(arm.arm, style or "title"), Cell(number(shown.n if shown else 0), style)]
        row += [*_score_cells(shown, "good" if is_best else style), Cell(_range(shown), style)]
        row += [cell for scorer in others for cell in _score_cells(of.get(scorer.name), style)]
        rows.append([*row, *_cost_cells(arm, slow, context_window, has_cost, style)])
    return Table(columns, rows, _cuts(columns, len(others), slow), _notes(comparison, has_star))


def _cost_cells(
    arm: ArmSummary, slow: SlowColumn | None, context_window: int | None, has_cost: bool, style: str
) -> list[Cell]:
    tokens = arm.prompt_tokens_mean
    texts = [latency(arm.latency_p50_seconds)]
    texts += [latency(slow.seconds[arm.arm])] if slow else []
    texts += [number(tokens)]
    texts += [percent(None if tokens is None else tokens / context_window, digits=1)] if context_window else []
    texts += [money(arm.effort.cost.value if arm.effort.cost else None)] if has_cost else []
    return [Cell(text, style) for text in texts]


def _cuts(columns: Sequence[Column], others: int, slow: SlowColumn | None) -> list[tuple[int, ...]]:
    """What goes first: the other scorers' drawings, the slow column, long titles, other scores, share, drawing."""
    titles = [column.title for column in columns]
    drawing, first_other = 3, 5
    scores = [first_other + 2 * place for place in range(others)]
    return [
        tuple(score + 1 for score in scores),
        *([(titles.index(slow.title),)] if slow else []),
        SHORT_TITLES,
        *((score,) for score in reversed(scores)),
        *((titles.index(title),) for title in ("of the window",) if title in titles),
        (drawing,),
    ]


def _notes(comparison: Comparison, has_star: bool) -> list[str]:
    timed = max((arm.latency_n for arm in comparison.arms.values()), default=0)
    has_cost = any(arm.effort.cost for arm in comparison.arms.values())
    return [
        *([f"* over {', '.join(comparison.headline_tasks)}; the other scores over all rows."] if has_star else []),
        *(f"{name} gave no score to some answers: {'; '.join(of[:3])}." for name, of in comparison.faults.items()),
        *([f"Answered in {comparison.dtype}."] if comparison.dtype else []),
        *(["Cost: of 1,000 answers, by the prices in studio.toml."] if has_cost else []),
        *([f"Latency: the median of {counted(timed, 'row')} an arm, asked one at a time."] if timed else []),
    ]


@dataclass(frozen=True)
class SlowColumn:
    """What is said of the slow answers, by arm in seconds, under a title that the number of timed rows can carry."""

    title: str
    seconds: dict[str, float | None]


def _slowest(arms: Sequence[ArmSummary]) -> SlowColumn | None:
    """p95 where every arm was timed on ``FEWEST_FOR_P95`` rows or more, else the slowest; None where it is not known.

    One title must hold for all arms, and a 95th percentile of fewer rows is the largest by another name.
    """
    p95 = {arm.arm: arm.latency_p95_seconds for arm in arms}
    if arms and all(seconds is not None for seconds in p95.values()):
        return SlowColumn("p95", p95)
    largest = {arm.arm: arm.latency_max_seconds for arm in arms}
    return SlowColumn("slowest", largest) if any(largest.values()) else None


def dominated_arms(arms: Iterable[ArmSummary], scores: Mapping[str, Interval | None]) -> frozenset[str]:
    """Arms that there is no reason to choose, as far as this many rows can say.

    An arm is dominated where another scores higher and their 95 % intervals of ``scores`` do not overlap, while it
    needs no more prompt tokens and, where both were timed or priced, no more median latency or money. Equal scores
    never dominate: that they are equal is nothing that rows can show. Intervals that do not overlap are a stricter test
    than a difference at 5 % (Schenker and Gentleman 2001, "On judging the significance of differences by examining the
    overlap between confidence intervals", American Statistician 55: 182-186), and one that the drawing beside it lets
    anyone check.
    Tokens are counted, not estimated; latency is measured on few rows, so it can only save an arm.
    """
    known = [(arm, interval) for arm in arms if (interval := scores.get(arm.arm))]
    return frozenset(
        arm.arm
        for arm, ours in known
        if any(theirs.low > ours.high and _costs_no_more(other, arm) for other, theirs in known)
    )


def _costs_no_more(one: ArmSummary, other: ArmSummary) -> bool:
    if one.prompt_tokens_mean is None or other.prompt_tokens_mean is None:
        return False
    known = [(one.latency_p50_seconds, other.latency_p50_seconds)]
    if one.effort.cost and other.effort.cost:
        known.append((one.effort.cost.value, other.effort.cost.value))
    dearer = [ours > theirs for ours, theirs in known if ours is not None and theirs is not None]
    return not any(dearer) and one.prompt_tokens_mean <= other.prompt_tokens_mean


def task_table(comparison: Comparison) -> Table:
    """Per task, one row per arm with every scorer that applies: score and 95 % interval."""
    applying = _columns(comparison, (arm.scores for arm in comparison.arms.values()))
    rows: list[list[Cell]] = []
    for task in comparison.tasks:
        for index, arm in enumerate(comparison.arms.values()):
            intervals = arm.by_task[task]
            n = max((one.n for one in intervals.values()), default=0)
            first = [Cell(task or NOTHING), Cell(number(n), "dim")] if index == 0 else [Cell(""), Cell("")]
            found = [
                Cell(f"{out_of_100(one.score)} ({_range(one)})" if (one := intervals.get(scorer.name)) else NOTHING)
                for scorer in applying
            ]
            rows.append([*first, Cell(arm.arm), *found])
    columns = [Column("task", is_left=True), Column("n"), Column("arm", is_left=True)]
    columns += [Column(scorer.title, scorer.short_title) for scorer in applying]
    return Table(columns, rows, [SHORT_TITLES])


def scores_of(comparison: Comparison, arm: ArmSummary, task: str = "") -> dict[str, Interval]:
    """The arm's intervals by scorer, over one task or over all, the headline score then as the verdict takes it."""
    if task:
        return arm.by_task.get(task, {})
    return arm.scores if arm.headline is None else {**arm.scores, comparison.headline_scorer: arm.headline}


def _headline_and_others(
    comparison: Comparison, scores: Mapping[str, Mapping[str, Interval]]
) -> tuple[Scorer, list[Scorer]]:
    headline = _scorer_named(comparison, comparison.headline_scorer)
    return headline, [scorer for scorer in _columns(comparison, scores.values()) if scorer is not headline]


def _columns(comparison: Comparison, scores: Iterable[Mapping[str, Interval]]) -> list[Scorer]:
    """The scorers of some of these scores that have a column of their own."""
    known = {name for of in scores for name in of}
    return [scorer for scorer in comparison.scorers if scorer.is_column and scorer.name in known]


def _n_where_it_differs(scorer: Scorer, scores: Mapping[str, Mapping[str, Interval]]) -> str:
    """``" n 2"`` for a scorer that applies to fewer rows than another; else nothing."""
    most = max((interval.n for of in scores.values() for interval in of.values()), default=0)
    own = max((of[scorer.name].n for of in scores.values() if scorer.name in of), default=0)
    return f" n {number(own)}" if own < most else ""


def _score_columns(scorer: Scorer, after: str) -> list[Column]:
    title = Column(scorer.title + after, (scorer.short_title or scorer.title) + after)
    return [title, Column("", is_left=True, least=NARROWEST_BAR, most=WIDEST_BAR)]


def _score_cells(interval: Interval | None, style: str) -> list[Cell]:
    if interval is None:
        return [Cell(NOTHING, style), Cell("", style)]
    bar = IntervalBar(interval.score, interval.low, interval.high)
    return [Cell(out_of_100(interval.score), style), Cell("", style, bar)]


def _range(interval: Interval | None) -> str:
    return NOTHING if interval is None else f"{out_of_100(interval.low)}–{out_of_100(interval.high)}"
