"""Rows whose prompts are nearly the same: clusters of near/clusters.py. Equal prompts are those of duplicates.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import Finding, GroupCheck, Severity, groups_in_words, rows_in_words
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.checks.texts import LABEL_CHARS
from studio.dataset.examples import ExampleIds

# What is no number: two prompts of one cluster with the same numbers in them ask the same.
_NO_DIGITS = r"[^0-9]+"


def _clusters(rows: Rows, having: str, among: str = "true", *, by_numbers: bool = False) -> Iterator[list[int]]:
    """The clusters for whose rows ``having`` holds, with more than one prompt in them.

    ``by_numbers`` parts a cluster where the numbers in the prompts differ.
    """
    numbers = f"regexp_replace(prompt, '{_NO_DIGITS}', ' ', 'g')" if by_numbers else "''"
    found = rows.stream(
        f"""WITH near AS (
                SELECT rows.*, cluster, {numbers} AS numbers
                FROM {rows.table} AS rows JOIN near_rows USING (example_id)
                WHERE {among} AND cluster IN (SELECT cluster FROM near_rows GROUP BY cluster HAVING count(*) > 1))
            SELECT cluster, numbers, example_id FROM near WHERE (cluster, numbers) IN (
                SELECT (cluster, numbers) FROM near GROUP BY cluster, numbers
                HAVING count(DISTINCT prompt_hash) > 1 AND {having})
            ORDER BY cluster, numbers, example_id"""
    )
    for _, group in groupby(found, key=lambda row: row[:2]):
        yield [example_id for *_, example_id in group]


def _around(rows: Rows, ids: ExampleIds) -> ExampleIds:
    chosen = rows.only(ids).table
    return rows.ids(
        f"""example_id IN (SELECT example_id FROM near_rows WHERE cluster IN (
                SELECT cluster FROM near_rows WHERE example_id IN (SELECT example_id FROM {chosen})))"""
    )


def _saying(said: str) -> Callable[[Rows, Finding], str]:
    def say(rows: Rows, finding: Finding) -> str:
        return f"{rows_in_words(len(finding.example_ids))} in {groups_in_words(len(finding.group_sizes))} {said}"

    return say


def _near(rows: Rows) -> Iterator[Sequence[int]]:
    return _clusters(rows, "true")


def _across_splits(rows: Rows) -> Iterator[Sequence[int]]:
    return _clusters(rows, "min(split) <> max(split)", "split <> 'none'", by_numbers=True)


def _labelled_apart(rows: Rows) -> Iterator[Sequence[int]]:
    differ = "count(DISTINCT lower(trim(completion))) > 1"
    return _clusters(rows, differ, f"length(completion) <= {LABEL_CHARS}", by_numbers=True)


_LONG = "I bought a desk lamp from you in the spring and since last week it flickers whenever somebody walks past it"

NEAR_DUPLICATES = GroupCheck(
    name="near_duplicates",
    about="Rows whose prompts are nearly the same: Jaccard similarity of their shingles 0.8 or more (MinHash, proved).",
    harms="They count twice or more in every epoch and are learned by heart, as exact duplicates are.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.CLUSTERS,),
    groups=_near,
    say=_saying("ask nearly the same."),
    around=_around,
    bad=(
        Candidate(f"{_LONG}.", "repair"),
        Candidate(f"{_LONG}!!", "We mend it."),
        Candidate(f"Hello! {_LONG}.", "Please send it in."),
    ),
    good=(
        Candidate(f"{_LONG}.", "repair"),
        Candidate(f"{_LONG}. ", "We mend it."),
        Candidate("I bought a desk lamp from you, and it is as bright as the day.", "happy"),
    ),
)

NEAR_LEAKAGE = GroupCheck(
    name="near_leakage",
    about="Prompts in more than one of train, validation and test that are nearly the same, with the same numbers.",
    harms="The model has seen nearly this question before it is examined: scores are better than the model is.",
    severity=Severity.ERROR,
    version=1,
    needs=(Need.CLUSTERS,),
    groups=_across_splits,
    say=_saying("ask nearly the same in several splits: scores on them tell what was remembered."),
    around=_around,
    bad=(
        Candidate(f"{_LONG}.", "repair", split="train"),
        Candidate(f"{_LONG}!!", "repair", split="test"),
    ),
    good=(
        Candidate(f"{_LONG}.", "repair", split="train"),
        Candidate(f"{_LONG}!!", "repair", split="train"),
        Candidate(f"Hello! {_LONG}.", "repair"),
        Candidate(f"{_LONG}, order 5123.", "repair", split="test"),
        Candidate("I bought a desk lamp from you, and it is as bright as the day.", "happy", split="test"),
    ),
)

NEAR_CONTRADICTIONS = GroupCheck(
    name="near_contradictions",
    about="Prompts that are nearly the same, with the same numbers in them, and have different labels.",
    harms="They pull the model both ways at the border between two labels: often one of them is wrong.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.CLUSTERS,),
    groups=_labelled_apart,
    say=_saying("ask nearly the same and have different labels."),
    around=_around,
    bad=(
        Candidate(f"{_LONG}.", "calm", task="tone"),
        Candidate(f"{_LONG}!!", "angry", task="tone"),
    ),
    good=(
        Candidate(f"{_LONG}.", "calm", task="tone"),
        Candidate(f"{_LONG}!!", "calm", task="tone"),
        *(Candidate(f"{_LONG} {n}", ("calm", "angry")[n % 2], task="number") for n in range(1000, 1002)),
        *(Candidate(f"The {word} is fine with me", "calm", task="tone") for word in ("lamp", "phone", "mouse")),
    ),
)
