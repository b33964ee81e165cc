"""Fixes that checks offer: what one would do, row by row, before it is done; and doing it as one act."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from studio.dataset import edits
from studio.dataset.candidates import text_fault
from studio.dataset.checks.check import Check, Finding, Rewriting, Texts, Thinning
from studio.dataset.checks.rows import Rows
from studio.dataset.examples import Change, ExampleIds
from studio.dataset.rewriting import Rewrite, rewrite
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def rewrites(rows: Rows, check: Check, finding: Finding) -> Iterator[Rewrite]:
    """What the fix makes of each row that was found. Rows that it leaves as they are, or without text, are not."""
    if not isinstance(check.fix, Rewriting):
        return
    found = rows.only(finding.rows).table
    texts = rows.stream(f"SELECT example_id, prompt, completion, system FROM {found} ORDER BY example_id")
    for example_id, prompt, completion, system in texts:
        made = check.fix.rewrite(Texts(prompt, completion, system))
        is_other = (made.prompt, made.completion) != (prompt, completion)
        if is_other and not any(text_fault(text) for text in (made.prompt, made.completion)):
            yield Rewrite(example_id, prompt, completion, made.prompt, made.completion)


def surplus(check: Check, finding: Finding) -> ExampleIds:
    """The rows that the fix puts in the trash: all of each group but its first."""
    if not isinstance(check.fix, Thinning) or not len(finding.group_sizes):
        return finding.example_ids[:0]
    return np.sort(np.concatenate([np.sort(group)[1:] for group in finding.groups]))


def fix(cursor: DuckDBPyConnection, who: str, rows: Rows, check: Check, finding: Finding) -> Change:
    """Do all of it, as one act. Raises AskedWrongly for a check without a fix."""
    if isinstance(check.fix, Thinning):
        removed = surplus(check, finding)
        return edits.remove(cursor, who, removed) if len(removed) else Change(0, "nothing to change")
    if not isinstance(check.fix, Rewriting):
        raise AskedWrongly(f"{check.name} has no fix that is safe.", "Look at its rows: enter on Checks.")
    made = list(rewrites(rows, check, finding))
    noun = "example" if len(made) == 1 else "examples"
    return rewrite(cursor, who, f"{check.name}: {check.fix.about}, in {len(made):,} {noun}", made)
