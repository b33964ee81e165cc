"""What to do next with a dataset and a base model: each piece with its evidence and the command that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from studio.reports.numbers import counted, latency, number, out_of_100, percent
from studio.reports.window import ShotCost, WindowReport
from studio.scoring.comparison import ArmSummary, Comparison
from studio.scoring.contrasts import Contrast
from studio.scoring.statistics import detectable_difference, rows_needed
from studio.tokens.window import Fate

WANTED_POINTS = 0.1
GOOD_ENOUGH = 0.9
FEW_TRAINING_ROWS = 100
MOST_CHECKS = 4
USUAL_SHOTS = 5
WORTH_LABELLING = 0.05


@dataclass(frozen=True)
class CheckFound:
    """A check that found something which is not waived: its name, how bad it is, on how many rows, what it harms."""

    name: str
    severity: str
    rows: int
    harms: str


@dataclass(frozen=True)
class AdviceFacts:
    """What advice is made from. ``splits`` counts rows by task and split (empty: not assigned).

    ``prompting`` is a comparison on this base model in which nothing tuned answered, with its id; None where none is.
    ``has_run`` says that a train run can answer already.
    """

    splits: Mapping[str, Mapping[str, int]]
    window: WindowReport
    checks: Sequence[CheckFound]
    prompting: Comparison | None
    prompting_id: str
    has_run: bool


@dataclass(frozen=True)
class Advice:
    """One piece: its topic, what is so (with n and intervals), and the command that goes on from it, empty for none."""

    topic: str
    words: str
    command: str = ""


def advice_on(facts: AdviceFacts) -> list[Advice]:
    """In the order in which it is worth doing: mend, split, fit, measure, then what to try."""
    if not facts.splits:
        return [Advice("data", "There is no example yet.", "studio import FILE")]
    return [*_on_checks(facts), *_on_splits(facts), *_on_window(facts), *_on_prompting(facts), *_on_next(facts)]


def advice_as_json(facts: AdviceFacts) -> dict[str, Any]:
    """Plain JSON values."""
    return {"advice": [asdict(one) for one in advice_on(facts)], "prompting": facts.prompting_id or None}


def curve_words(task: str, scorer: str, rows: int, rows_of_part: int, contrast: Contrast | None) -> str:
    """What a quarter of the labels and all of them teach in as many steps, and what follows for labelling more."""
    if contrast is None:
        return "No row was answered by both runs."
    points = [f"{share * 100:+.1f}".replace("-", "−") for share in (contrast.difference, contrast.low, contrast.high)]
    found = (
        f"{_named(task)}all {number(rows)} training rows instead of {number(rows_of_part)}, in as many steps: "
        f"{scorer} {points[0]} points (95 %: {points[1]} to {points[2]}, n {number(contrast.n)})."
    )
    if contrast.is_shown and contrast.difference > 0:
        return f"{found} More labels have helped so far, and are likely to help further."
    if contrast.high < WORTH_LABELLING:
        return f"{found} More labels of the same kind would change little: look at the rows that stay wrong."
    return f"{found} So few rows cannot tell whether more labels would help."


def _on_checks(facts: AdviceFacts) -> Iterator[Advice]:
    for one in facts.checks[:MOST_CHECKS]:
        words = f"{one.name} ({one.severity}): {counted(one.rows, 'row')}. {one.harms}"
        yield Advice("mend", words, f"studio check --only {one.name}")
    if not facts.checks:
        yield Advice("mend", "The checks found nothing that is not waived.")


def _on_splits(facts: AdviceFacts) -> Iterator[Advice]:
    loose = sum(of.get("", 0) for of in facts.splits.values())
    if loose:
        yield Advice(
            "splits",
            f"{counted(loose, 'row')} in no split: nothing to train on and nothing held out.",
            "studio split --test 0.2 --validation 0.1",
        )
    for task, of in facts.splits.items():
        held_out = of.get("test", 0)
        if loose and not held_out:
            continue
        smallest = detectable_difference(held_out)
        needed = rows_needed(WANTED_POINTS)
        if smallest >= 1:
            can = "cannot show any difference"
        else:
            can = f"show a difference of {smallest * 100:.0f} points or more (80 % power, yes-or-no score)"
        enough = "" if held_out >= needed else f"; {WANTED_POINTS * 100:.0f} points need about {number(needed)}"
        yield Advice("held out", f"{_named(task)}{counted(held_out, 'test row')} {can}{enough}.")


def _on_window(facts: AdviceFacts) -> Iterator[Advice]:
    report = facts.window
    cut = report.n - report.fates.get(Fate.WHOLE, 0)
    if cut:
        yield Advice(
            "window",
            f"{number(cut)} of {counted(report.n, 'row')} do not fit {report.limits} whole.",
            "studio window",
        )
    alone, *more = sorted(report.shots, key=lambda cost: cost.shots)
    usual = [cost for cost in more if cost.shots <= USUAL_SHOTS]
    for cost in usual[-1:]:
        yield Advice("shots", _shot_words(cost, alone, report))


def _shot_words(cost: ShotCost, alone: ShotCost, report: WindowReport) -> str:
    times = cost.prompt_tokens_mean / max(1.0, alone.prompt_tokens_mean)
    words = (
        f"{counted(cost.shots, 'example')} in the prompt make it {number(cost.prompt_tokens_mean)} tokens in the mean, "
        f"{times:.1f} times as long and {percent(cost.share_of_window)} of {report.window.words}"
    )
    if cost.rows_that_no_longer_fit:
        words += f"; {counted(cost.rows_that_no_longer_fit, 'row')} no longer fit"
    return words + "."


def _on_prompting(facts: AdviceFacts) -> Iterator[Advice]:
    if facts.prompting is None:
        yield Advice(
            "prompting",
            "How far zero-, one- and few-shot come is not measured on these rows.",
            "studio advise --measure",
        )
        return
    for arm in _prompting_arms(facts.prompting):
        if arm.headline is None:
            continue
        score = arm.headline
        words = (
            f"{arm.arm}: {_score_title(facts.prompting)} {out_of_100(score.score)} "
            f"(95 %: {out_of_100(score.low)} to {out_of_100(score.high)}, n {number(score.n)})"
        )
        if arm.latency_p50_seconds is not None:
            words += f", {latency(arm.latency_p50_seconds)} an answer, {number(arm.prompt_tokens_mean)} prompt tokens"
        yield Advice("prompting", words + ".")


def _on_next(facts: AdviceFacts) -> Iterator[Advice]:
    errors = [one.name for one in facts.checks if one.severity == "error"]
    if errors:
        yield Advice("next", f"Mend {', '.join(errors)} first: a run would not start, and would learn them.")
        return
    if not any(of.get("train") for of in facts.splits.values()):
        yield Advice("next", "Split the rows first: nothing can be measured or trained before.")
        return
    best = _best_prompting(facts)
    if best is not None and best[1] >= GOOD_ENOUGH:
        yield Advice(
            "next",
            f"{best[0]} is right on {percent(best[1])} or more of such rows: prompting may be enough. Fine-tuning "
            "would then buy shorter prompts.",
        )
    elif best is not None:
        yield Advice("next", f"Fine-tune: the best prompt, {best[0]}, leaves room ({_room(best)}).", _train(facts))
    else:
        yield Advice("next", "Measure prompting, then fine-tune and compare on the same rows.", _train(facts))
    for task, of in facts.splits.items():
        if of.get("train", 0) < FEW_TRAINING_ROWS and not of.get("", 0):
            yield Advice(
                "labels",
                f"{_named(task)}{counted(of.get('train', 0), 'training row')} is little. Whether more would help is "
                "seen from two short runs, on a quarter of them and on all.",
                f"studio advise --learning-curve {task}" if task else 'studio advise --learning-curve ""',
            )
    if facts.has_run:
        yield Advice("next", "A run can answer already: see whether it beats prompting.", "studio compare --wait")


def _train(facts: AdviceFacts, task: str = "") -> str:
    tasks = [task] if task else [name for name in facts.splits if name]
    return f"studio train --set tasks={','.join(tasks)}" if tasks else "studio train"


def _best_prompting(facts: AdviceFacts) -> tuple[str, float, float] | None:
    """The best arm with the ends of its interval."""
    arms = _prompting_arms(facts.prompting) if facts.prompting else []
    known = [(arm.headline.score, arm.arm, arm.headline) for arm in arms if arm.headline]
    if not known:
        return None
    _, name, score = max(known, key=lambda one: one[0])
    return name, score.low, score.high


def _prompting_arms(comparison: Comparison) -> list[ArmSummary]:
    return [arm for arm in comparison.arms.values() if arm.arm not in comparison.tuned_arms]


def _room(best: tuple[str, float, float]) -> str:
    _, low, high = best
    return f"95 %: {out_of_100(low)} to {out_of_100(high)} of 100"


def _score_title(comparison: Comparison) -> str:
    return next(scorer.title for scorer in comparison.scorers if scorer.name == comparison.headline_scorer)


def _named(task: str) -> str:
    return f"{task}: " if task else ""
