"""The Compare screen as data: which rows tuning fixed or broke, and the table of arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from studio.reports.intervals import IntervalBar
from studio.reports.numbers import NOTHING, counted, latency, number, out_of_100, percent
from studio.reports.table import SHORT_TITLES, Cell, Column, Table
from studio.scoring.scored_rows import HeldOutRow, Prediction, ScoredRows, Scores, score_rows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.scorers.token_f1 import token_f1
from studio.scoring.summary import ArmSummary, Comparison, Interval, has_one_answer, summarize_scored

CLEAR_DIFFERENCE = 0.1
NARROWEST_BAR, WIDEST_BAR = 10, 24
CUT = "cut"

# Fate of a row from the best untuned arm to the best tuned one -> (glyph, style name). The first four where there is
# one right answer, the next three where answers are only more or less like the reference, the last without two arms.
CHANGES = {
    "fixed": ("✚", "good"),
    "broken": ("✖", "bad"),
    "both": ("✓", "dim"),
    "neither": ("·", "dim"),
    "closer": ("▲", "good"),
    "farther": ("▼", "bad"),
    "alike": ("≈", "dim"),
    "single": (" ", "dim"),
}


@dataclass(frozen=True)
class CompareRow:
    """One held-out row with every arm's answer.

    ``change`` is a key of ``CHANGES``. ``disagreement`` in 0..1 is half the difference of the two scores and half how
    little the two answers have in common; it sorts the rows worth reading to the top. ``decided_by`` names the scorer
    that judges the row, ``gained`` in -1..1 is how much more tuned has of it. ``faults`` says of an arm that its answer
    was cut or failed, ``sources`` what its answer was given to read; both only of arms of which there is something to
    say.
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

    def quality(self, arm: str) -> float:
        """The score in 0..1 that judges this answer."""
        return float(self.scores[arm].get(self.decided_by) or 0.0)

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


def compare_view(rows: Iterable[HeldOutRow], predictions: Iterable[Prediction], dtype: str = "") -> CompareView:
    """Score and summarise the rows that every arm answered. Takes seconds for thousands of rows: call it in a thread.

    rows: the frozen test rows. predictions: lines of predictions.jsonl, of a comparison that may still be running.
    dtype: the number format in which they were answered, empty where it is not known.
    """
    scored = score_rows(rows, predictions)
    comparison = replace(summarize_scored(scored), dtype=dtype)
    pair = (comparison.baseline, comparison.tuned) if comparison.baseline and comparison.tuned else None
    exact = {
        task: has_one_answer([row.completion for row in scored.rows if row.task == task]) for task in comparison.tasks
    }
    compared = [_compared_row(row, scored, pair, has_exact=exact[row.task]) for row in scored.rows]
    counts = {change: sum(row.change == change for row in compared) for change in CHANGES}
    return CompareView(comparison, compared, {change: count for change, count in counts.items() if count}, pair or ())


def _compared_row(row: HeldOutRow, scored: ScoredRows, pair: tuple[str, str] | None, *, has_exact: bool) -> CompareRow:
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
        decided_by=(EXACT_MATCH if has_exact else ROUGE_L).name,
        faults={arm: fault for arm, prediction in given.items() if (fault := fault_of(prediction))},
        sources={arm: sources for arm, prediction in given.items() if (sources := sources_of(prediction))},
    )
    if pair is None:
        return made
    before, after = map(made.quality, pair)
    apart = 1 - token_f1(made.answers[pair[0]], made.answers[pair[1]])
    change, disagreement = _change(before, after, has_exact=has_exact), (abs(after - before) + apart) / 2
    return replace(made, change=change, disagreement=disagreement, gained=after - before)


def fault_of(prediction: Prediction) -> str:
    """What is wrong with how an answer ended: ``"cut"``, or the words of its failure; empty for nothing."""
    error = prediction.get("error")
    if error:
        return str(error.get("message", error) if isinstance(error, Mapping) else error)
    return CUT if prediction["is_cut"] else ""


def sources_of(prediction: Prediction) -> tuple[str, ...]:
    """The passages or rows that an answer was given to read, in words; none for an arm that looks nothing up."""
    return tuple(map(_source_words, prediction.get("sources") or ()))


def _source_words(source: object) -> str:
    if isinstance(source, Mapping):
        named = str(source.get("source", source.get("file", source.get("example_id", ""))))
        part = f":{source['chunk']}" if "chunk" in source else ""
        score = source.get("score")
        return f"{named}{part}" + (f" ({score:.1f})" if isinstance(score, int | float) else "")
    if isinstance(source, list | tuple) and source:
        name, *scores = source
        return str(name) + (f" ({scores[0]:.1f})" if scores and isinstance(scores[0], int | float) else "")
    return f"row {source}" if isinstance(source, int) else str(source)


def _change(before: float, after: float, *, has_exact: bool) -> str:
    if not has_exact:
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
    slow = _slowest(arms)
    columns = [
        *[Column("arm", is_left=True), Column("n")],
        *_score_columns(headline, "*" * has_star),
        Column("95 %"),
        *(column for scorer in others for column in _score_columns(scorer, _n_where_it_differs(scorer, scores))),
        *[Column("latency"), *([Column(slow.title)] if slow else [])],
        *[Column("prompt tokens", "prompt"), *([Column("of the window", "window")] if context_window else [])],
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
        rows.append([*row, *_cost_cells(arm, slow, context_window, style)])
    return Table(columns, rows, _cuts(columns, len(others), slow), _notes(comparison, has_star))


def _cost_cells(arm: ArmSummary, slow: SlowColumn | None, context_window: int | None, style: str) -> list[Cell]:
    tokens = arm.prompt_tokens_mean
    texts = [latency(arm.latency_p50_seconds)]
    texts += [latency(slow.seconds[arm.arm])] if slow else []
    texts += [number(tokens)]
    texts += [percent(None if tokens is None else tokens / context_window, digits=1)] if context_window else []
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
    return [
        *([f"* over {', '.join(comparison.headline_tasks)}; the other scores over all rows."] if has_star else []),
        *([f"Answered in {comparison.dtype}."] if comparison.dtype else []),
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
    needs no more prompt tokens and, where both were timed, no more median latency. Equal scores never dominate: that
    they are equal is nothing that rows can show. Intervals that do not overlap are a stricter test than a difference at
    5 % (Schenker and Gentleman 2001, "On judging the significance of differences by examining the overlap between
    confidence intervals", American Statistician 55: 182-186), and one that the drawing beside it lets anyone check.
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
    if one.latency_p50_seconds is not None and other.latency_p50_seconds is not None:
        is_as_quick = one.latency_p50_seconds <= other.latency_p50_seconds
    else:
        is_as_quick = True
    return is_as_quick and one.prompt_tokens_mean <= other.prompt_tokens_mean


def task_table(comparison: Comparison) -> Table:
    """Per task, one row per arm with every scorer that applies: score and 95 % interval."""
    applying = [scorer for scorer in SCORERS if any(scorer.name in arm.scores for arm in comparison.arms.values())]
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
    headline = next(scorer for scorer in SCORERS if scorer.name == comparison.headline_scorer)
    applying = [scorer for scorer in SCORERS if any(scorer.name in of for of in scores.values())]
    return headline, [scorer for scorer in applying if scorer is not headline]


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
