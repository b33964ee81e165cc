"""The verdict of a comparison in plain words: what won, by how much, and what these rows cannot show.

Rules against claiming too much: a difference is only named where a paired test puts p under 0.05; otherwise the
sentence says how large a difference would have to be to be seen. The best tuned arm and the best of the others are
chosen by looking at these very rows, which favours them: where one beats the other, p is multiplied by the number of
arms it was chosen from. The same holds for a task that goes another way than the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.statistics import (
    detectable_difference,
    mcnemar_exact,
    paired_bootstrap,
    paired_permutation,
    wilson,
)

SIGNIFICANT = 0.05
CUT_SHARE_WORTH_SAYING = 0.05
USUAL_DISCORDANCE = 0.2


@dataclass(frozen=True)
class Facts:
    """What a verdict is made from.

    ``by_task`` holds, per task of the headline and per arm, the scores by ``scorer`` of the same rows in the same
    order; ``free_text`` the same by ROUGE-L for the tasks outside the headline.
    ``tuned`` and ``baseline`` are the best tuned arm and the best other, empty for none; ``tuned_arms`` and
    ``other_arms`` count those that they were chosen from. ``cut`` is (answers cut, answers) per arm,
    ``left_out`` the rows per arm that others answered and it did not, ``unanswered`` those that none did.
    """

    scorer: Scorer
    by_task: Mapping[str, Mapping[str, Sequence[float]]]
    free_text: Mapping[str, Mapping[str, Sequence[float]]]
    baseline: str
    tuned: str
    tuned_arms: int
    other_arms: int
    cut: Mapping[str, tuple[int, int]]
    left_out: Mapping[str, int]
    unanswered: int

    def values(self, arm: str) -> list[float]:
        """The headline scores of an arm over all tasks of the headline."""
        return [value for task in self.by_task.values() for value in task[arm]]


@dataclass(frozen=True)
class PairedScores:
    """The best tuned arm against the best other on the same rows.

    ``p_value`` is corrected for how often one looked; ``chosen_from`` is the number of arms that the better of the two
    was chosen from.
    """

    tuned: Sequence[float]
    baseline: Sequence[float]
    p_value: float
    chosen_from: int

    @property
    def difference(self) -> float:
        return _mean(self.tuned) - _mean(self.baseline)

    @property
    def fixed(self) -> int:
        return sum(a > b for a, b in zip(self.tuned, self.baseline, strict=True))

    @property
    def broken(self) -> int:
        return sum(a < b for a, b in zip(self.tuned, self.baseline, strict=True))

    @property
    def is_shown(self) -> bool:
        return self.p_value < SIGNIFICANT


def verdict_of(facts: Facts) -> str:
    """One to four sentences."""
    arms = [arm for arm in (facts.tuned, facts.baseline) if arm]
    if not arms or not facts.values(arms[0]):
        return "No row is answered by every arm yet."
    if len(arms) == 1:
        sentences = [_alone(facts, arms[0])]
    else:
        pair = _compared(facts, facts.scorer, facts.values(facts.tuned), facts.values(facts.baseline), looks=1)
        sentences = [_together(facts, pair), *_other_ways(facts, pair), *_free_text(facts)]
    sentences += _cut(facts, arms) + _left_out(facts)
    text = " ".join(sentences)
    return "On " + text.removeprefix("on ") if text.startswith("on ") else text


def _compared(
    facts: Facts, scorer: Scorer, tuned: Sequence[float], baseline: Sequence[float], *, looks: int
) -> PairedScores:
    if scorer.is_binary:
        both = list(zip(tuned, baseline, strict=True))
        p_value = mcnemar_exact(sum(a > b for a, b in both), sum(a < b for a, b in both))
    else:
        p_value = paired_permutation(tuned, baseline)
    chosen_from = facts.other_arms if _mean(baseline) > _mean(tuned) else facts.tuned_arms
    return PairedScores(tuned, baseline, min(1.0, p_value * chosen_from * looks), chosen_from)


def _together(facts: Facts, pair: PairedScores) -> str:
    scores = _where(facts) + (_both_exact(facts, pair) if facts.scorer.is_binary else _both_scored(facts, pair))
    evidence = f"{_range(facts, pair)}, {_p_text(pair)}{_flips(facts, pair)}."
    if pair.is_shown:
        direction = "better" if pair.difference > 0 else "worse"
        return f"{scores}: {_points(pair.difference)} {direction}{evidence}"
    n = len(pair.tuned)
    return f"No difference that {n:,} row{'s' * (n != 1)} can show: {scores}{evidence}{_limit(facts, pair)}"


def _both_exact(facts: Facts, pair: PairedScores) -> str:
    n, tuned, baseline = len(pair.tuned), round(sum(pair.tuned)), round(sum(pair.baseline))
    return (
        f"{facts.tuned} answers {tuned:,} of {n:,} exactly ({tuned / n * 100:.0f} %), "
        f"{facts.baseline} {baseline:,} ({baseline / n * 100:.0f} %)"
    )


def _both_scored(facts: Facts, pair: PairedScores) -> str:
    return (
        f"{facts.tuned} scores {facts.scorer.title} {_mean(pair.tuned) * 100:.1f}, "
        f"{facts.baseline} {_mean(pair.baseline) * 100:.1f}, on {len(pair.tuned):,} rows"
    )


def _range(facts: Facts, pair: PairedScores) -> str:
    if facts.scorer.is_binary or len(pair.tuned) < 2:
        return ""
    _, low, high = paired_bootstrap(pair.tuned, pair.baseline)
    if pair.is_shown and pair.difference < 0:
        low, high = -high, -low
    return f" (95 %: {_signed(low)} to {_signed(high)})"


def _flips(facts: Facts, pair: PairedScores) -> str:
    if not facts.scorer.is_binary:
        return ""
    return f"; {pair.fixed:,} row{'s' * (pair.fixed != 1)} fixed, {pair.broken:,} broken"


def _limit(facts: Facts, pair: PairedScores) -> str:
    if not facts.scorer.is_binary:
        return ""
    n = len(pair.tuned)
    visible = detectable_difference(n, max(USUAL_DISCORDANCE, (pair.fixed + pair.broken) / n))
    if visible >= 1.0:
        return " So few rows cannot show any difference."
    return f" A true difference under {visible * 100:.0f} points can stay invisible."


def _other_ways(facts: Facts, pair: PairedScores) -> list[str]:
    """Tasks whose own rows show what the whole hides: worse under a win, or either under no difference."""
    if len(facts.by_task) < 2:
        return []
    found = []
    for task, arms in facts.by_task.items():
        part = _compared(facts, facts.scorer, arms[facts.tuned], arms[facts.baseline], looks=len(facts.by_task))
        agrees = pair.is_shown and (part.difference > 0) == (pair.difference > 0)
        if part.is_shown and not agrees:
            direction = "better" if part.difference > 0 else "worse"
            found.append(f"{direction} on {task or 'rows without a task'} by {_points(part.difference)}")
    return [f"But {', '.join(found)}."] if found else []


def _free_text(facts: Facts) -> list[str]:
    """A sentence per task that has no one right answer."""
    sentences = []
    for task, arms in facts.free_text.items():
        looks = len(facts.free_text)
        pair = _compared(facts, ROUGE_L, arms[facts.tuned], arms[facts.baseline], looks=looks)
        n = len(pair.tuned)
        scores = f"{ROUGE_L.title} {_mean(pair.tuned) * 100:.1f} against {_mean(pair.baseline) * 100:.1f}"
        if pair.is_shown:
            found = f"{_points(pair.difference)} {'better' if pair.difference > 0 else 'worse'}"
        else:
            found = f"no difference that {n:,} row{'s' * (n != 1)} can show"
        sentences.append(f"On {task or 'rows without a task'}, {scores}: {found}.")
    return sentences


def _alone(facts: Facts, arm: str) -> str:
    values = facts.values(arm)
    n = len(values)
    is_tuned = arm == facts.tuned
    missing = "untuned arm" if is_tuned else "tuned arm"
    count = facts.tuned_arms if is_tuned else facts.other_arms
    among = "" if count < 2 else f", the best of {count} {'tuned' if is_tuned else 'untuned'} arms"
    if facts.scorer.is_binary:
        right = round(sum(values))
        low, high = wilson(right, n)
        score = (
            f"answers {right:,} of {n:,} exactly ({right / n * 100:.0f} %; 95 %: {low * 100:.0f} to {high * 100:.0f} %)"
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


def _where(facts: Facts) -> str:
    names = [task or "rows without a task" for task in facts.by_task]
    if not facts.free_text:
        return ""
    return f"on {' and '.join(names) if len(names) < 3 else ', '.join(names)}, "


def _p_text(pair: PairedScores) -> str:
    text = "p < 0.001" if pair.p_value < 0.001 else f"p = {_two_digits(pair.p_value)}"
    return f"{text} (corrected for the choice among {pair.chosen_from})" if pair.chosen_from > 1 else text


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
