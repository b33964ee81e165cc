"""The verdict of a comparison in plain words: what won, by how much, and what these rows cannot show.

Rules against claiming too much: a difference is only named where a paired test puts p under 0.05; otherwise the
sentence says how large a difference would have to be to be seen. The best tuned arm and the best of the others are
chosen by looking at these very rows, which favours them: p is Holm's over the arms that the better one was chosen from
(``contrasts``). The same holds for a task that goes another way than the whole. Where rows share sources, intervals and
tests are over the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from studio.scoring.contrasts import SIGNIFICANT, Contrast, RowScores, joined
from studio.scoring.effort import Effort, Spread
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.statistics import detectable_difference, holm, wilson

CUT_SHARE_WORTH_SAYING = 0.05
USUAL_DISCORDANCE = 0.2
MARGIN = 0.05  # "matches" means: worse by no more than this, as a share


@dataclass(frozen=True)
class Facts:
    """What a verdict is made from.

    ``by_task`` holds, per task of the headline, every arm's scores of the same rows; ``others`` those of the tasks
    outside the headline, which other scorers decide. ``tuned`` and ``baseline`` are the best tuned arm and the best
    other, empty for none, of ``tuned_arms`` and ``other_arms``. ``cut`` is (answers cut, answers) per arm, ``left_out``
    the rows per arm that others answered and it did not, ``unanswered`` those that none did. ``is_unscored``: there are
    answers, and none has a score by what decides. ``sources`` counts what rows share, 0 where they share nothing.
    """

    scorer: Scorer
    by_task: Mapping[str, RowScores]
    others: Mapping[str, RowScores]
    baseline: str
    tuned: str
    tuned_arms: Sequence[str]
    other_arms: Sequence[str]
    cut: Mapping[str, tuple[int, int]]
    left_out: Mapping[str, int]
    unanswered: int
    is_unscored: bool = False
    sources: int = 0
    effort: Mapping[str, Effort] = field(default_factory=dict)

    def compared(self, scores: RowScores) -> Contrast:
        """The two best arms on some rows; see ``RowScores.compared``."""
        return scores.compared(self.tuned_arms, self.other_arms, self.tuned, self.baseline)


def verdict_of(facts: Facts) -> str:
    """One to five sentences."""
    arms = [arm for arm in (facts.tuned, facts.baseline) if arm]
    if not arms or not facts.by_task:
        return "No answer has a score that decides." if facts.is_unscored else "No row is answered by every arm yet."
    headline = joined(facts.by_task.values())
    if len(arms) == 1:
        sentences = [_alone(facts, arms[0], headline.values[arms[0]])]
    else:
        pair = facts.compared(headline)
        sentences = [_together(facts, headline, pair), *_matching(facts, pair)]
        sentences += [*_other_ways(facts, pair), *_other_tasks(facts)]
        if facts.sources:
            sentences.append(f"Rows share {facts.sources:,} sources: intervals and tests are over these.")
    sentences += _cut(facts, arms) + _left_out(facts)
    text = " ".join(sentences)
    return "On " + text.removeprefix("on ") if text.startswith("on ") else text


def _together(facts: Facts, headline: RowScores, pair: Contrast) -> str:
    both = _both_exact if facts.scorer.is_binary else _both_scored
    scores = _where(facts) + both(facts, headline.values[pair.a], headline.values[pair.b])
    evidence = f"{_range(facts, pair)}, {_p_text(pair)}{_flips(facts, pair)}."
    if pair.is_shown:
        direction = "better" if pair.difference > 0 else "worse"
        return f"{scores}: {_points(pair.difference)} {direction}{evidence}"
    n = pair.n
    return f"No difference that {n:,} row{'s' * (n != 1)} can show: {scores}{evidence}{_limit(facts, pair)}"


def forgetting_verdict(tasks: Mapping[str, RowScores], pairs: Mapping[str, Sequence[Contrast]]) -> str:
    """What tuning lost, task by task, as ``tuned`` against the base model; p is Holm's over all that is looked at."""
    sentences = [_forgotten(task, tasks[task], one) for task, of in pairs.items() for one in of]
    if not sentences:
        return "No row is answered both before and after tuning yet."
    looks = sum(map(len, pairs.values()))
    return " ".join(sentences) + (f" (Holm over {looks}.)" if looks > 1 else "")


def _forgotten(task: str, scores: RowScores, pair: Contrast) -> str:
    after, before = (_mean(scores.values[arm]) * 100 for arm in (pair.a, pair.b))
    found = f"{task or 'rows without a task'}: {scores.scorer.title} {before:.1f} before, {after:.1f} after {pair.a}"
    if pair.is_shown:
        direction = "gained" if pair.difference > 0 else "forgotten"
        return f"{found}: {_points(pair.difference)} {direction}, {_p_text(replace(pair, looks=1))}."
    rows = f"{pair.n:,} row{'s' * (pair.n != 1)}"
    return f"{found}: no difference that {rows} can show (95 %: {_signed(pair.low)} to {_signed(pair.high)})."


def _matching(facts: Facts, pair: Contrast) -> list[str]:
    """What the tuned arm takes beside the other, where it is better, or worse by no more than ``MARGIN``.

    Non-inferiority: the whole 95 % interval of the difference is above the margin, which is a one-sided test at 2.5 %.
    """
    takes = " and ".join(
        words
        for words in (
            _share_of(facts, pair, "cost", "cost of 1,000 answers", "{:.3g}"),
            _share_of(facts, pair, "whole", "latency", "{:.2f} s"),
        )
        if words
    )
    if pair.is_shown:
        return [f"It takes {takes}."] if takes and pair.difference > 0 else []
    if -MARGIN < pair.low <= 0:
        within = f"It is at most {MARGIN * 100:.0f} points worse (95 %: {_signed(pair.low)} to {_signed(pair.high)})"
        return [f"{within}, and takes {takes}." if takes else f"{within}."]
    if takes:
        return [f"It takes {takes}; that it is at most {MARGIN * 100:.0f} points worse these rows do not show."]
    return []


def _share_of(facts: Facts, pair: Contrast, what: str, title: str, written: str) -> str:
    """``1/50 of the cost …``; empty where it is not known of both, is not told apart, or nothing."""
    ours, theirs = (getattr(facts.effort.get(arm, Effort()), what) for arm in (pair.a, pair.b))
    if not (isinstance(ours, Spread) and isinstance(theirs, Spread)) or not _are_apart(ours, theirs):
        return ""
    both = f"{written.format(ours.value)} against {written.format(theirs.value)}"
    if theirs.value <= 0 or ours.value <= 0:
        return f"a {title} of {both}"
    return f"{_fraction(ours.value / theirs.value)} the {title} ({both})"


def _are_apart(a: Spread, b: Spread) -> bool:
    """Whether their intervals do not overlap: medians of a few rows have none, and are told apart by nothing."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.high < b.low or b.high < a.low


def _fraction(ratio: float) -> str:
    """``1/50 of``, ``60 % of``, ``2.5 times``."""
    if ratio < 0.4:
        return f"1/{round(1 / ratio):,} of"
    return f"{ratio * 100:.0f} % of" if ratio < 1 else f"{ratio:.1f} times"


def _both_exact(facts: Facts, ours: Sequence[float], theirs: Sequence[float]) -> str:
    n, tuned, baseline = len(ours), round(sum(ours)), round(sum(theirs))
    return (
        f"{facts.tuned} answers {tuned:,} of {n:,} {_right(facts)} ({tuned / n * 100:.0f} %), "
        f"{facts.baseline} {baseline:,} ({baseline / n * 100:.0f} %)"
    )


def _both_scored(facts: Facts, ours: Sequence[float], theirs: Sequence[float]) -> str:
    return (
        f"{facts.tuned} scores {facts.scorer.title} {_mean(ours) * 100:.1f}, "
        f"{facts.baseline} {_mean(theirs) * 100:.1f}, on {len(ours):,} rows"
    )


def _range(facts: Facts, pair: Contrast) -> str:
    if (facts.scorer.is_binary and not facts.sources) or pair.n < 2:
        return ""
    low, high = pair.low, pair.high
    if pair.is_shown and pair.difference < 0:
        low, high = -high, -low
    return f" (95 %: {_signed(low)} to {_signed(high)})"


def _flips(facts: Facts, pair: Contrast) -> str:
    if not facts.scorer.is_binary:
        return ""
    return f"; {pair.fixed:,} row{'s' * (pair.fixed != 1)} fixed, {pair.broken:,} broken"


def _limit(facts: Facts, pair: Contrast) -> str:
    if not facts.scorer.is_binary:
        return ""
    n = pair.n
    visible = detectable_difference(n, max(USUAL_DISCORDANCE, (pair.fixed + pair.broken) / n))
    if visible >= 1.0:
        return " So few rows cannot show any difference."
    return f" A true difference under {visible * 100:.0f} points can stay invisible."


def _other_ways(facts: Facts, whole: Contrast) -> list[str]:
    """Tasks whose own rows show what the whole hides: worse under a win, or either under no difference.

    One looks at every task for that: Holm over tasks of what is corrected already for the choice of arms.
    """
    if len(facts.by_task) < 2:
        return []
    pairs = {task: facts.compared(scores) for task, scores in facts.by_task.items()}
    found = []
    for (task, pair), p_value in zip(pairs.items(), holm([pair.p_adjusted for pair in pairs.values()]), strict=True):
        agrees = whole.is_shown and (pair.difference > 0) == (whole.difference > 0)
        if p_value < SIGNIFICANT and not agrees:
            direction = "better" if pair.difference > 0 else "worse"
            found.append(f"{direction} on {task or 'rows without a task'} by {_points(pair.difference)}")
    return [f"But {', '.join(found)} (Holm over {len(pairs)} tasks)."] if found else []


def _other_tasks(facts: Facts) -> list[str]:
    """A sentence per task that another scorer decides, p corrected for that there are several."""
    pairs = {task: facts.compared(scores) for task, scores in facts.others.items()}
    sentences = []
    for (task, pair), p_value in zip(pairs.items(), holm([pair.p_adjusted for pair in pairs.values()]), strict=True):
        of = facts.others[task]
        ours, theirs = (_mean(of.values[arm]) * 100 for arm in (pair.a, pair.b))
        scores = f"{of.scorer.title} {ours:.1f} against {theirs:.1f}"
        if p_value < SIGNIFICANT:
            found = f"{_points(pair.difference)} {'better' if pair.difference > 0 else 'worse'}"
        else:
            found = f"no difference that {pair.n:,} row{'s' * (pair.n != 1)} can show"
        sentences.append(f"On {task or 'rows without a task'}, {scores}: {found}.")
    return sentences


def _alone(facts: Facts, arm: str, values: Sequence[float]) -> str:
    n = len(values)
    is_tuned = arm == facts.tuned
    missing = "untuned arm" if is_tuned else "tuned arm"
    count = len(facts.tuned_arms if is_tuned else facts.other_arms)
    among = "" if count < 2 else f", the best of {count} {'tuned' if is_tuned else 'untuned'} arms"
    if facts.scorer.is_binary:
        right = round(sum(values))
        low, high = wilson(right, n)
        score = (
            f"answers {right:,} of {n:,} {_right(facts)} "
            f"({right / n * 100:.0f} %; 95 %: {low * 100:.0f} to {high * 100:.0f} %)"
        )
    else:
        score = f"scores {facts.scorer.title} {_mean(values) * 100:.1f} on {n:,} rows"
    return f"{_where(facts)}{arm} {score}{among}. There is no {missing} to compare with."


def _cut(facts: Facts, arms: Sequence[str]) -> list[str]:
    return [
        f"{cut:,} of {n:,} answers of {arm} were cut at the length limit."
        for arm in arms
        for cut, n in [facts.cut[arm]]
        if n and cut / n >= CUT_SHARE_WORTH_SAYING
    ]


def _left_out(facts: Facts) -> list[str]:
    sentences = []
    if facts.unanswered:
        sentences.append(f"{facts.unanswered:,} row{'s' * (facts.unanswered != 1)} not answered by any arm.")
    counts = ", ".join(f"{count:,} by {arm}" for arm, count in facts.left_out.items() if count)
    if counts:
        sentences.append(f"Not answered, and so left out of all arms: {counts}.")
    return sentences


def _right(facts: Facts) -> str:
    return "exactly" if facts.scorer is EXACT_MATCH else f"right by {facts.scorer.title}"


def _where(facts: Facts) -> str:
    names = [task or "rows without a task" for task in facts.by_task]
    if not facts.others:
        return ""
    return f"on {' and '.join(names) if len(names) < 3 else ', '.join(names)}, "


def _p_text(pair: Contrast) -> str:
    text = "p < 0.001" if pair.p_adjusted < 0.001 else f"p = {_two_digits(pair.p_adjusted)}"
    return f"{text} (Holm over {pair.looks} arms)" if pair.looks > 1 else text


def _two_digits(p_value: float) -> str:
    return f"{p_value:.2f}" if p_value >= 0.095 else f"{p_value:.3f}"


def _points(difference: float) -> str:
    points = abs(difference) * 100
    text = f"{points:.0f}" if points >= 9.95 else f"{points:.1f}"
    return f"{text} point{'s' * (text != '1.0')}"


def _signed(share: float) -> str:
    return f"{share * 100:.1f}".replace("-", "−")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
