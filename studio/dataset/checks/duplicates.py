"""Rows that ask the same: the same pair again, or one prompt with different answers.

A model sees system prompt and prompt, so rows ask the same when both are equal, whatever their task. Texts are equal
by the rule of texts.py for prompts: case and white space do not tell them apart.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import Finding, GroupCheck, Severity, Thinning, groups_in_words, rows_in_words
from studio.dataset.checks.rows import Rows
from studio.dataset.connection import as_ids
from studio.dataset.examples import ExampleIds
from studio.dataset.texts import folded_hash

# One group: (example_id, hash of the completion) of the rows that ask the same.
_Answers = list[tuple[int, str]]


def accuracy_ceiling(total: int, answers: Iterable[Sequence[int]]) -> float:
    """The share of ``total`` rows that a model can match at most if it answers equal prompts equally, in [0, 1].

    ``answers`` has, for each prompt that several rows share, how many rows give each answer. The best a model can do
    is the commonest answer of each; what is lost is the Bayes error of the rows themselves under 0-1 loss (Hastie,
    Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, section 2.4). 1 for no rows.
    """
    lost = sum(sum(counts) - max(counts) for counts in answers)
    return 1 - lost / total if total else 1.0


def asking_the_same(rows: Rows) -> Iterator[_Answers]:
    """The rows that share system prompt and prompt, group by group."""
    shared = f"""
        SELECT CAST(prompt_hash AS VARCHAR), example_id, system, completion FROM {rows.table}
        WHERE prompt_hash IN (SELECT prompt_hash FROM {rows.table} GROUP BY prompt_hash HAVING count(*) > 1)
        ORDER BY prompt_hash, example_id"""
    for _, found in groupby(rows.stream(shared), key=lambda row: row[0]):
        by_system: defaultdict[str, _Answers] = defaultdict(list)
        for _, example_id, system, completion in found:
            by_system[folded_hash(system)].append((example_id, folded_hash(completion)))
        yield from by_system.values()


def rows_of_the_same_prompt(rows: Rows, ids: ExampleIds) -> ExampleIds:
    """All rows whose prompt one of these has."""
    return rows.ids(f"prompt_hash IN (SELECT prompt_hash FROM {rows.only(ids).table})")


def _exact(rows: Rows) -> Iterator[list[int]]:
    for answers in asking_the_same(rows):
        same: defaultdict[str, list[int]] = defaultdict(list)
        for example_id, completion in answers:
            same[completion].append(example_id)
        yield from (ids for ids in same.values() if len(ids) > 1)


def _say_exact(rows: Rows, finding: Finding) -> str:
    count, groups = len(finding.example_ids), len(finding.group_sizes)
    return (
        f"{rows_in_words(count)} in {groups_in_words(groups)} are the same pair again: {count - groups:,} of them "
        "add nothing new."
    )


def _contradictory(rows: Rows) -> Iterator[list[int]]:
    for answers in asking_the_same(rows):
        if len({completion for _, completion in answers}) > 1:
            yield [example_id for example_id, _ in answers]


def _say_contradictory(rows: Rows, finding: Finding) -> str:
    texts = rows.only(as_ids(finding.example_ids)).table
    completion_of = dict(rows.stream(f"SELECT example_id, completion FROM {texts}"))
    answers = [Counter(folded_hash(completion_of[id_]) for id_ in group.tolist()) for group in finding.groups]
    total = rows.total()
    ceiling = accuracy_ceiling(total, [list(counted.values()) for counted in answers])
    most = math.floor(ceiling * 1000) / 10  # never rounded up to 100 %
    return (
        f"{rows_in_words(len(finding.example_ids))} in {groups_in_words(len(answers))} share a prompt but not its "
        f"completion; a model that answers equal prompts equally matches at most {most:.1f} % of all "
        f"{rows_in_words(total)}."
    )


EXACT_DUPLICATES = GroupCheck(
    name="exact_duplicates",
    about="Rows whose system prompt, prompt and completion are equal but for case and white space.",
    harms="Such a pair counts twice or more in every epoch: it is memorised, and others are learned less.",
    severity=Severity.WARNING,
    version=1,
    groups=_exact,
    say=_say_exact,
    around=rows_of_the_same_prompt,
    fix=Thinning("keep the first of each group, the others go to the trash"),
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

CONTRADICTORY_DUPLICATES = GroupCheck(
    name="contradictory_duplicates",
    about="Rows whose system prompt and prompt are equal but for case and white space, and whose completions are not.",
    harms="They pull the model both ways, and no model can match all of them: the best score has a ceiling.",
    severity=Severity.WARNING,
    version=1,
    groups=_contradictory,
    say=_say_contradictory,
    around=rows_of_the_same_prompt,
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
