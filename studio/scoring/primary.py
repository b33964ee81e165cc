"""Which scorer decides a task: named by a person before the run, or by rule from the references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from studio.errors import AskedWrongly
from studio.scoring.scored_rows import HeldOutRow
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.exact_match import EXACT_MATCH
from studio.scoring.scorers.number import NUMBER_LAST, is_marked
from studio.scoring.scorers.rouge_l import ROUGE_L
from studio.scoring.scorers.scorer import Scorer
from studio.scoring.text_rules import parse_json, words_parted_at_punctuation

SHORT_ANSWER_WORDS = 8
EXACT_TASK_SHARE = 0.8
ANY_TASK = "*"


def has_one_answer(references: Sequence[str]) -> bool:
    """Whether exact_match is a fair judge: most references are JSON or no longer than a few words."""

    def is_fair(text: str) -> bool:
        return parse_json(text) is not None or len(words_parted_at_punctuation(text)) <= SHORT_ANSWER_WORDS

    return sum(map(is_fair, references)) >= EXACT_TASK_SHARE * len(references)


def primary_by_rule(references: Sequence[str]) -> Scorer:
    """last number where most references mark one with ``####``, exact match where they are short or JSON, else ROUGE-L.

    A task of which all references are marked numbers is long text to exact match, and is not judged by its words.
    """
    if sum(map(is_marked, references)) >= EXACT_TASK_SHARE * len(references):
        return NUMBER_LAST
    return EXACT_MATCH if has_one_answer(references) else ROUGE_L


def primary_scorers(
    rows: Iterable[HeldOutRow], named: Mapping[str, str], scorers: Sequence[Scorer] = SCORERS
) -> dict[str, Scorer]:
    """The scorer that decides each task of ``rows``, tasks as they first appear.

    named: by task, ``*`` for all that are not named. Raises AskedWrongly for a name that cannot decide.
    """
    references: dict[str, list[str]] = {}
    for row in rows:
        references.setdefault(row.task, []).append(row.completion)
    names = {task: named.get(task) or named.get(ANY_TASK) for task in references}
    return {
        task: deciding_scorer(name, scorers) if (name := names[task]) else primary_by_rule(of)
        for task, of in references.items()
    }


def named_by(entries: Iterable[str]) -> dict[str, str]:
    """Scorers by task from ``tickets=exact_match``; without a task it is for all that are not named.

    Raises AskedWrongly for an empty name.
    """
    named = {}
    for entry in entries:
        task, _, name = entry.rpartition("=")
        if not name:
            raise AskedWrongly(f"{entry!r} names no score.", "For example: tickets=exact_match")
        named[task or ANY_TASK] = name
    return named


def deciding_scorer(name: str, scorers: Sequence[Scorer] = SCORERS) -> Scorer:
    """The scorer of this name, if it can decide: rows have scores of their own, from 0 to 1, higher is better.

    Raises AskedWrongly: without rows' scores two arms cannot be compared row by row, which is what the test does.
    """
    able = {scorer.name: scorer for scorer in scorers if scorer.pooled is None or scorer.is_binary}
    if name in able:
        return able[name]
    why = "is a figure of all answers together" if name in {scorer.name for scorer in scorers} else "is no score"
    raise AskedWrongly(f"{name!r} {why}, so it cannot decide a task.", f"Known: {', '.join(able)}.")
