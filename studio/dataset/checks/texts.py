"""What several checks share: patterns as SQL text, and the rows of a finding in words."""

from __future__ import annotations

import numpy as np

from studio.dataset.checks.check import Finding, said_of
from studio.dataset.checks.rows import Rows
from studio.dataset.examples import ExampleIds

# A task whose completions are labels: short, and few different ones.
LABEL_CHARS = 40
MOST_LABELS = 50


def quoted(text: str) -> str:
    """``text`` as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def any_of(*patterns: str) -> str:
    """One pattern that occurs where any of ``patterns`` does."""
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def has(column: str, pattern: str) -> str:
    """The condition that a pattern (RE2) occurs in a column."""
    return f"regexp_matches({column}, {quoted(pattern)})"


def either_has(pattern: str, *, needs: tuple[str, ...] = (), is_foreign: bool = False) -> str:
    """The condition that a pattern occurs in the prompt or the completion.

    A search for a short text costs a tenth of a pattern's, so where no match is without one of ``needs``, or without
    a character beyond ASCII (``is_foreign``), that is looked at first.
    """
    return f"({' OR '.join(_guarded(column, pattern, needs, is_foreign) for column in ('prompt', 'completion'))})"


def _guarded(column: str, pattern: str, needs: tuple[str, ...], is_foreign: bool) -> str:
    guards = [f"contains({column}, {quoted(part)})" for part in needs]
    if is_foreign:
        guards.append(f"strlen({column}) <> length({column})")  # bytes and characters
    return f"(({' OR '.join(guards)}) AND {has(column, pattern)})" if guards else has(column, pattern)


def finding_of(check: str, example_ids: ExampleIds, said: str) -> Finding | None:
    """What a check says of these rows, as ``said_of`` does; nothing where there are none."""
    ids = np.unique(example_ids)
    return Finding(check, ids, said_of(len(ids), said)) if len(ids) else None


def label_tasks(rows: Rows, least_rows: int = 20) -> str:
    """A SELECT of the tasks whose completions are labels: short, and each used by several rows."""
    return f"""SELECT task FROM {rows.table} GROUP BY task
        HAVING count(*) >= {least_rows} AND max(length(completion)) <= {LABEL_CHARS}
        AND count(DISTINCT completion) <= least({MOST_LABELS}, count(*) / 4)"""


def task_in_words(task: str) -> str:
    """How a sentence names a task; most projects have one without a name. Quotes nothing but the name."""
    return f"task {task}" if task else "the rows without a task"
