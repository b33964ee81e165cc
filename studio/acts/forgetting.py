"""What tuning cost elsewhere: rows of the tasks that a run did not learn, and a small general set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from studio.acts.sample_data import sample_data_path
from studio.dataset.formats.reading import Candidate, read_file
from studio.dataset.store import Example, Store
from studio.dataset.texts import prompt_hash
from studio.errors import AskedWrongly
from studio.runs.directory import FrozenRow
from studio.runs.specs import CompareSpec

GENERAL = "general"
GENERAL_FILE = "general.jsonl"
GENERAL_SCORE = "contains"  # models that were never tuned talk around an answer


def unlearned_rows(store: Store, split: str, learned: Collection[str]) -> list[Example]:
    """The held-out rows of the tasks that are not among those that were learned."""
    rows = store.rows_for(split, tasks=(), labels=("accept", "none"), where="")
    return [row for row in rows if row.task not in learned]


def general_rows() -> list[FrozenRow]:
    """The general set, under ids below zero: no row of the store has one. Raises StudioError where it is missing."""
    found = read_file(sample_data_path() / GENERAL_FILE)
    questions = [item for item in found if isinstance(item, Candidate)]
    return [
        FrozenRow(-number, GENERAL, one.prompt, one.completion, prompt_hash=prompt_hash(one.prompt))
        for number, one in enumerate(questions, start=1)
    ]


def with_general_score(spec: CompareSpec) -> CompareSpec:
    """The spec with what decides the general set, unless a person named it."""
    is_named = any(entry.startswith(f"{GENERAL}=") for entry in spec.primary)
    return spec if is_named else replace(spec, primary=(*spec.primary, f"{GENERAL}={GENERAL_SCORE}"))


def refuse_without_a_run(spec: CompareSpec) -> None:
    """Raises AskedWrongly where nothing is compared before and after: it needs zero_shot and a tuned arm, no shots."""
    arms = spec.parsed_arms
    if (
        not any(arm.is_tuned for arm in arms)
        or "zero_shot" not in spec.arms
        or any(arm.prompting.shots for arm in arms)
    ):
        raise AskedWrongly(
            "what was forgotten is seen by asking before and after: the arms zero_shot and tuned, without examples.",
            "For example: studio compare --forgetting --arms zero_shot,tuned",
        )
