"""Tasks whose completions are labels: how they are spelled, how many rows each has, in what order they stand."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, Severity
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import finding_of, label_tasks, task_in_words
from studio.dataset.examples import ExampleIds

_LEAST_ROWS = 100
_LEAST_OF_A_LABEL = 10
_DRIFT_RATIO = 10
_IMBALANCE = 20
# Of the changes from row to row that a shuffled file would have.
_SORTED_SHARE = 0.2
_NO_IDS: ExampleIds = np.empty(0, dtype=np.int64)


def _counts(rows: Rows) -> dict[str, Counter[str]]:
    """Task → how many rows have each label, as it is written."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for task, label, count in rows.query(
        f"""SELECT task, completion, count(*) FROM {rows.table} WHERE task IN ({label_tasks(rows)})
            GROUP BY ALL ORDER BY ALL"""
    ):
        found[task][label] = count
    return found


def is_drift(rare: str, common: str) -> bool:
    """Whether two labels are one, spelled in two ways: equal but for case and space, or a typing error apart."""
    a, b = (" ".join(label.lower().split()).strip(".") for label in (rare, common))
    if a == b:
        return True
    # Short words one letter apart are words: no and on, cat and car.
    return min(len(a), len(b)) >= 5 and _distance_is_one(a, b) and not any(map(str.isdigit, a + b))


def _distance_is_one(a: str, b: str) -> bool:
    """Whether one insertion, deletion, exchange or swap of neighbours makes ``a`` of ``b``."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    start = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) == len(b):
        return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    return rest_a[1:] == rest_b or rest_a == rest_b[1:]


def _find_drift(rows: Rows) -> Finding | None:
    rare: list[tuple[str, str]] = []
    for task, counted in _counts(rows).items():
        for one, other in combinations(sorted(counted, key=lambda label: (counted[label], label)), 2):
            if counted[other] >= _DRIFT_RATIO * counted[one] and is_drift(one, other):
                rare.append((task, one))
    if not rare:
        return None
    pairs = ", ".join(f"(${2 * number + 1}, ${2 * number + 2})" for number in range(len(rare)))
    parameters = [text for pair in rare for text in pair]
    found = rows.query(f"SELECT example_id FROM {rows.table} WHERE (task, completion) IN ({pairs})", parameters)
    ids = np.array([example_id for (example_id,) in found], dtype=np.int64)
    return finding_of(LABEL_DRIFT.name, ids, "[spells|spell] a label otherwise than ten times as many rows do.")


LABEL_DRIFT = DatasetCheck(
    name="label_drift",
    about="Labels that are spelled in another way than most: positive, Positive, postive.",
    harms="One class becomes two, and a right answer counts as wrong.",
    severity=Severity.WARNING,
    version=1,
    find=_find_drift,
    beside=(
        *(Candidate(f"Nice {n}", "positive", task="tone") for n in range(30)),
        *(Candidate(f"Bad {n}", "negative", task="tone") for n in range(30)),
    ),
    bad=(
        Candidate("Well", "Positive", task="tone"),
        Candidate("Good", "postive", task="tone"),
    ),
    good=(
        *(Candidate(f"Nice {n}", "yes", task="tone") for n in range(30)),
        Candidate("Bad", "no", task="tone"),
        *(Candidate(f"Row {n}", "class 1", task="number") for n in range(30)),
        Candidate("Row", "class 2", task="number"),
    ),
)


def _find_imbalance(rows: Rows) -> Finding | None:
    sentences = []
    for task, counted in _counts(rows).items():
        most, least = max(counted.values()), min(counted.values())
        if len(counted) > 1 and sum(counted.values()) >= _LEAST_ROWS and most >= _IMBALANCE * least:
            sentences.append(
                f"In {task_in_words(task)} the commonest of {len(counted)} labels has {most:,} rows, the rarest "
                f"{least:,}."
            )
    return Finding(CLASS_IMBALANCE.name, _NO_IDS, " ".join(sentences)) if sentences else None


CLASS_IMBALANCE = DatasetCheck(
    name="class_imbalance",
    about=f"Tasks with labels in which the commonest has {_IMBALANCE} times as many rows as the rarest, or more.",
    harms="The model answers with the commonest label when in doubt, and looks good by doing so.",
    severity=Severity.INFO,
    version=1,
    find=_find_imbalance,
    bad=(
        *(Candidate(f"Nice {n}", "happy", task="tone") for n in range(120)),
        *(Candidate(f"Bad {n}", "angry", task="tone") for n in range(3)),
    ),
    good=(
        *(Candidate(f"Nice {n}", "happy", task="tone") for n in range(80)),
        *(Candidate(f"Bad {n}", "angry", task="tone") for n in range(40)),
    ),
)


def _find_too_few(rows: Rows) -> Finding | None:
    total = rows.total()
    sentences = []
    if 0 < total < _LEAST_ROWS:
        said = "is 1 row" if total == 1 else f"are {total} rows"
        sentences.append(f"There {said}; below {_LEAST_ROWS} a model learns them by heart.")
    for task, counted in _counts(rows).items():
        few = sum(count < _LEAST_OF_A_LABEL for count in counted.values())
        if few:
            sentences.append(
                f"In {task_in_words(task)} {few} of {len(counted)} labels [has|have] fewer than "
                f"{_LEAST_OF_A_LABEL} rows.".replace("[has|have]", "has" if few == 1 else "have")
            )
    return Finding(TOO_FEW_ROWS.name, _NO_IDS, " ".join(sentences)) if sentences else None


TOO_FEW_ROWS = DatasetCheck(
    name="too_few_rows",
    about=f"Fewer than {_LEAST_ROWS} rows in all, or fewer than {_LEAST_OF_A_LABEL} of a label.",
    harms="The model learns the rows by heart instead of the task, and few test rows show no difference.",
    severity=Severity.INFO,
    version=1,
    find=_find_too_few,
    bad=(Candidate("Where is it?", "Here."), Candidate("And now?", "There.")),
    good=tuple(Candidate(f"Where is parcel {n}?", f"In van {n}.") for n in range(_LEAST_ROWS)),
)


def _find_sorted(rows: Rows) -> Finding | None:
    sentences = []
    found = rows.query(
        f"""WITH judged AS (
                SELECT task, completion, completion <> lag(completion, 1, completion)
                    OVER (PARTITION BY task ORDER BY example_id) AS is_change
                FROM {rows.table} WHERE task IN ({label_tasks(rows, _LEAST_ROWS)})),
            shares AS (SELECT task, completion, count(*) AS number FROM judged GROUP BY ALL),
            expected AS (SELECT task, sum(number) AS total, 1 - sum((number / t.total) ** 2) AS share
                FROM shares JOIN (SELECT task, count(*) AS total FROM judged GROUP BY task) AS t USING (task)
                GROUP BY task)
            SELECT task, sum(is_change::INTEGER), any_value(total * share) FROM judged JOIN expected USING (task)
            GROUP BY task ORDER BY task"""
    )
    for task, changes, expected in found:
        if expected > _LEAST_OF_A_LABEL and changes < _SORTED_SHARE * expected:
            sentences.append(
                f"The rows of {task_in_words(task)} are sorted by their label.".replace(
                    "The rows of the rows", "The rows"
                )
            )
    return Finding(ORDER_EFFECTS.name, _NO_IDS, " ".join(sentences)) if sentences else None


ORDER_EFFECTS = DatasetCheck(
    name="order_effects",
    about="Tasks whose rows stand in the file sorted by their label.",
    harms="Training here shuffles, so it harms little; a file cut in two by row number has other labels in each half.",
    severity=Severity.INFO,
    version=1,
    find=_find_sorted,
    bad=(
        *(Candidate(f"Nice {n}", "happy", task="tone") for n in range(60)),
        *(Candidate(f"Bad {n}", "angry", task="tone") for n in range(60)),
    ),
    good=tuple(Candidate(f"Text {n}", ("happy", "angry")[n * n % 7 % 2], task="tone") for n in range(120)),
)
