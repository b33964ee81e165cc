"""Rows that ask the same: the same pair again, or one prompt with different answers.

A model sees system prompt and prompt, so rows ask the same when both are equal, whatever their task. Texts are equal
by the rule of texts.py for prompts: case and white space do not tell them apart.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import Check, Finding, Scope, Severity
from studio.dataset.checks.rows import ROWS, Rows
from studio.dataset.texts import folded_hash

# One group: (example_id, hash of the completion) of the rows that ask the same.
_Answers = list[tuple[int, str]]

_SHARED_PROMPTS = f"""
    SELECT CAST(prompt_hash AS VARCHAR), example_id, system, completion FROM {ROWS}
    WHERE prompt_hash IN (SELECT prompt_hash FROM {ROWS} GROUP BY prompt_hash HAVING count(*) > 1)
    ORDER BY prompt_hash, example_id"""


def accuracy_ceiling(total: int, answers: Iterable[Sequence[int]]) -> float:
    """The share of ``total`` rows that a model can match at most if it answers equal prompts equally, in [0, 1].

    ``answers`` has, for each prompt that several rows share, how many rows give each answer. The best a model can do
    is the commonest answer of each; what is lost is the Bayes error of the rows themselves under 0-1 loss (Hastie,
    Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, section 2.4). 1 for no rows.
    """
    lost = sum(sum(counts) - max(counts) for counts in answers)
    return 1 - lost / total if total else 1.0


def _asking_the_same(rows: Rows) -> Iterator[_Answers]:
    for _, found in groupby(rows.stream(_SHARED_PROMPTS), key=lambda row: row[0]):
        by_system: defaultdict[str, _Answers] = defaultdict(list)
        for _, example_id, system, completion in found:
            by_system[folded_hash(system)].append((example_id, folded_hash(completion)))
        yield from by_system.values()


def _find_exact(rows: Rows) -> Iterator[Finding]:
    groups = []
    for answers in _asking_the_same(rows):
        same: defaultdict[str, list[int]] = defaultdict(list)
        for example_id, completion in answers:
            same[completion].append(example_id)
        groups += [ids for ids in same.values() if len(ids) > 1]
    if groups:
        count = sum(map(len, groups))
        again = count - len(groups)
        said = f"{_rows(count)} in {_groups(len(groups))} are the same pair again: {again:,} of them add nothing new."
        yield _grouped(EXACT_DUPLICATES, groups, said)


def _find_contradictory(rows: Rows) -> Iterator[Finding]:
    groups, answers_of = [], []
    for answers in _asking_the_same(rows):
        counted = Counter(completion for _, completion in answers)
        if len(counted) > 1:
            groups.append([example_id for example_id, _ in answers])
            answers_of.append(list(counted.values()))
    if groups:
        total = rows.total()
        most = math.floor(accuracy_ceiling(total, answers_of) * 1000) / 10  # never rounded up to 100 %
        said = (
            f"{_rows(sum(map(len, groups)))} in {_groups(len(groups))} share a prompt but not its completion; a model "
            f"that answers equal prompts equally matches at most {most:.1f} % of all {_rows(total)}."
        )
        yield _grouped(CONTRADICTORY_DUPLICATES, groups, said)


def _grouped(check: Check, groups: list[list[int]], sentence: str) -> Finding:
    ids = np.array([example_id for group in groups for example_id in group], dtype=np.int64)
    return Finding(check.name, ids, sentence, np.array(list(map(len, groups)), dtype=np.int32))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count:,} groups"


EXACT_DUPLICATES = Check(
    name="exact_duplicates",
    about="Rows whose system prompt, prompt and completion are equal but for case and white space.",
    harms="Such a pair counts twice or more in every epoch: it is memorised, and others are learned less.",
    severity=Severity.WARNING,
    scope=Scope.GROUP,
    version=1,
    find=_find_exact,
    bad=(
        Candidate("Where is my parcel?", "On its way.", task="tickets"),
        Candidate("where is  my parcel?", "on its way.", task="tickets"),
        Candidate("Where is my parcel? ", "On its  way.", task="chats"),
        Candidate("Đơn hàng của tôi đâu?", "Đang giao."),
        Candidate("ĐƠN HÀNG CỦA TÔI ĐÂU?\n", "Đang giao."),
    ),
    good=(
        Candidate("Where is my parcel?", "On its way."),
        Candidate("Where is my parcel?", "Lost."),
        Candidate("Where is my parcel?", "On its way.", system="Answer as a pirate."),
        Candidate("Where is my other parcel?", "On its way."),
    ),
)

CONTRADICTORY_DUPLICATES = Check(
    name="contradictory_duplicates",
    about="Rows whose system prompt and prompt are equal but for case and white space, and whose completions are not.",
    harms="They pull the model both ways, and no model can match all of them: the best score has a ceiling.",
    severity=Severity.WARNING,
    scope=Scope.GROUP,
    version=1,
    find=_find_contradictory,
    bad=(
        Candidate("This is a disgrace", "angry", task="tone"),
        Candidate("this is a disgrace", "neutral", task="tone"),
        Candidate("The lamp is broken", '{"intent": "repair"}', task="tickets"),
        Candidate("The lamp is broken", "angry", task="tone"),
    ),
    good=(
        Candidate("This is a disgrace", "angry"),
        Candidate("This is a disgrace!", "Angry"),
        Candidate("The lamp is broken", "angry", system="Answer in one word."),
        Candidate("The lamp is broken", '{"intent": "repair"}', system="Answer in JSON."),
        Candidate("Is it late?", "yes"),
        Candidate("is it late?", " YES"),
        Candidate("Is it late?", "no", label="reject"),
    ),
)
