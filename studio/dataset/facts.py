"""What there is to say of the whole dataset: counted in one read-only look, for its card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LISTED = 20


@dataclass(frozen=True)
class Lengths:
    """How long one side of the rows is: of ``rows`` rows, in ``unit``."""

    unit: str
    rows: int
    median: float
    p95: float
    most: int


@dataclass(frozen=True)
class Labeller:
    """How many rows somebody decided on last, and how many of somebody's text edits stand."""

    who: str
    labelled: int
    edited: int


@dataclass(frozen=True)
class Import:
    """One import that was not taken back: its summary, who did it, when (UTC), how many of its rows there are."""

    summary: str
    who: str
    at: datetime
    rows: int


@dataclass(frozen=True)
class Facts:
    """Over the rows that are not in the trash. Lists have the commonest first, at most ``LISTED``."""

    rows: int
    by_split: list[tuple[str, str, int]]
    tasks: list[tuple[str, int]]
    sources: list[tuple[str, int]]
    templates: list[tuple[str, int]]
    conversations: int
    with_system: int
    with_rejected: int
    plain_texts: int
    equal_prompts: int
    prompt: Lengths
    completion: Lengths
    labellers: list[Labeller]
    imports: list[Import]
    newest_change: datetime | None


def facts(cursor: DuckDBPyConnection) -> Facts:
    """See ``Facts``. Lengths are in tokens where all rows are counted by one tokenizer, else in characters."""
    ((rows, conversations, with_system, with_rejected, plain, prompts),) = _found(
        cursor,
        """SELECT count(*), count(*) FILTER (context <> ''), count(*) FILTER (system <> ''),
                  count(*) FILTER (rejected <> ''), count(*) FILTER (prompt = ''), count(DISTINCT prompt_hash)
           FROM examples WHERE NOT is_removed""",
    )
    newest = _found(cursor, "SELECT max(done_at) FROM batches WHERE NOT is_undone")[0][0]
    return Facts(
        rows=rows,
        by_split=_found(cursor, _counted("split, label")),
        tasks=_found(cursor, _counted("task")),
        sources=_found(cursor, _counted("source")),
        templates=[one for one in _found(cursor, _counted("template")) if one[0]],
        conversations=conversations,
        with_system=with_system,
        with_rejected=with_rejected,
        plain_texts=plain,
        equal_prompts=rows - prompts,
        prompt=_lengths(cursor, "prompt", rows),
        completion=_lengths(cursor, "completion", rows),
        labellers=[Labeller(*row) for row in _found(cursor, _LABELLERS)],
        imports=[Import(*row) for row in _found(cursor, _IMPORTS)],
        newest_change=newest,
    )


_LABELLERS = f"""
    WITH done AS (SELECT example_id, field, who, edit_id FROM edits JOIN batches USING (batch_id)
                  JOIN examples USING (example_id) WHERE NOT is_undone AND NOT is_removed),
         labels AS (SELECT who, count(*) AS labelled FROM (
                        SELECT arg_max(who, edit_id) AS who FROM done WHERE field = 'label' GROUP BY example_id)
                    GROUP BY who),
         texts AS (SELECT who, count(DISTINCT example_id) AS edited FROM done
                   WHERE field IN ('prompt', 'completion', 'context') GROUP BY who)
    SELECT who, coalesce(labelled, 0), coalesce(edited, 0) FROM labels FULL JOIN texts USING (who)
    ORDER BY coalesce(labelled, 0) + coalesce(edited, 0) DESC, who LIMIT {LISTED}"""
_IMPORTS = f"""
    SELECT summary, who, done_at, count(*) FROM batches JOIN examples ON import_batch_id = batch_id
    WHERE NOT is_undone AND NOT is_removed GROUP BY batch_id, summary, who, done_at
    ORDER BY done_at DESC LIMIT {LISTED}"""


def _counted(columns: str) -> str:
    return f"""SELECT {columns}, count(*) AS number FROM examples WHERE NOT is_removed
               GROUP BY ALL ORDER BY number DESC, {columns} LIMIT {LISTED}"""


def _lengths(cursor: DuckDBPyConnection, side: str, rows: int) -> Lengths:
    counted = _found(
        cursor,
        f"""SELECT count(*), median({side}_tokens), quantile_cont({side}_tokens, 0.95), max({side}_tokens)
            FROM examples JOIN token_counts USING (example_id, revision)
            WHERE NOT is_removed
            AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1)""",
    )[0]
    if rows and counted[0] == rows:
        return Lengths("tokens", *counted)
    written = f"length({side})"
    measured = _found(
        cursor,
        f"""SELECT count(*), coalesce(median({written}), 0), coalesce(quantile_cont({written}, 0.95), 0),
                   coalesce(max({written}), 0) FROM examples WHERE NOT is_removed""",
    )[0]
    return Lengths("characters", *measured)


def _found(cursor: DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    return cursor.execute(statement).fetchall()
