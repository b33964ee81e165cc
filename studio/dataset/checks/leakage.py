"""Rows of one split that another split gives away."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import Finding, GroupCheck, Severity, groups_in_words, rows_in_words
from studio.dataset.checks.duplicates import rows_of_the_same_prompt
from studio.dataset.checks.rows import Rows


def _leaking(rows: Rows) -> Iterator[list[int]]:
    found = rows.stream(
        f"""SELECT prompt_hash, example_id FROM {rows.table}
            WHERE split <> 'none' AND prompt_hash IN (
                SELECT prompt_hash FROM {rows.table} WHERE split <> 'none'
                GROUP BY prompt_hash HAVING min(split) <> max(split))
            ORDER BY prompt_hash, example_id"""
    )
    for _, group in groupby(found, key=lambda row: row[0]):
        yield [example_id for _, example_id in group]


def _say_leaking(rows: Rows, finding: Finding) -> str:
    count, groups = len(finding.example_ids), len(finding.group_sizes)
    return (
        f"{rows_in_words(count)} in {groups_in_words(groups)} have one prompt in several splits: scores on them tell "
        "what was remembered."
    )


LEAKAGE = GroupCheck(
    name="leakage",
    about="Prompts that stand in more than one of train, validation and test, but for case and white space.",
    harms="The model has seen the question before it is examined: scores are better than the model is.",
    severity=Severity.ERROR,
    version=1,
    groups=_leaking,
    say=_say_leaking,
    around=rows_of_the_same_prompt,
    bad=(
        Candidate("Where is my parcel?", "On its way.", split="train"),
        Candidate("where is  my parcel?", "Lost.", split="test"),
        Candidate("The lamp is broken", "repair", split="train"),
        Candidate("The lamp is broken", "angry", split="train"),
        Candidate("the lamp is broken ", "angry", split="validation"),
    ),
    good=(
        Candidate("Where is my parcel?", "On its way.", split="train"),
        Candidate("Where is my parcel?", "Lost.", split="train"),
        Candidate("Where is my other parcel?", "On its way.", split="test"),
        Candidate("The lamp is broken", "repair", split="test"),
        Candidate("The lamp is broken", "angry"),
    ),
)
