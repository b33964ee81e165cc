"""Running checks: all that look at each row in one pass, and after an edit only what that edit can change.

An edit of one row can change a row check's verdict on that row, a group check's groups of rows around it, and anything
that a dataset check says. So findings that were kept are brought up to date by computing the first two among the few
rows that count, and the third anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from studio.dataset.checks.check import Check, DatasetCheck, Finding, GroupCheck, RowCheck, Spot, Texts
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import quoted
from studio.dataset.examples import ExampleIds

# ids a pass: the progress moves and Esc acts between two. DuckDB works on 122,880 rows in one thread.
_PASS_IDS = 250_000

OnDone = Callable[[Check], None]


def findings_of(rows: Rows, checks: Sequence[Check], on_done: OnDone = lambda check: None) -> dict[str, Finding | None]:
    """What each of ``checks`` finds in ``rows``, by its name; ``on_done`` hears of each that is through."""
    of_rows = [check for check in checks if isinstance(check, RowCheck)]
    found: dict[str, Finding | None] = {}
    for check, ids in zip(of_rows, row_ids(rows, of_rows), strict=True):
        found[check.name] = check.finding(ids)
        on_done(check)
    for other in checks:
        if isinstance(other, GroupCheck):
            found[other.name] = _grouped(rows, other, list(other.groups(rows)))
            on_done(other)
        elif isinstance(other, DatasetCheck):
            found[other.name] = other.find(rows)
            on_done(other)
    return found


def findings_after(
    rows: Rows,
    checks: Sequence[Check],
    kept: dict[str, Finding | None],
    changed: ExampleIds,
    on_done: OnDone = lambda check: None,
) -> dict[str, Finding | None]:
    """As ``findings_of``, from what was found before the rows ``changed`` (edited, added, removed) were."""
    of_rows = [check for check in checks if isinstance(check, RowCheck)]
    found: dict[str, Finding | None] = {}
    for check, ids in zip(of_rows, row_ids(rows.only(changed), of_rows), strict=True):
        before = kept[check.name]
        others = np.setdiff1d(before.example_ids, changed) if before else changed[:0]
        found[check.name] = check.finding(np.union1d(others, ids))
        on_done(check)
    around: dict[object, ExampleIds] = {}  # several checks look at the same rows around a change
    for other in checks:
        if isinstance(other, GroupCheck):
            if other.around not in around:
                around[other.around] = np.union1d(changed, other.around(rows, changed))
            found[other.name] = _regrouped(rows, other, kept[other.name], around[other.around])
            on_done(other)
        elif isinstance(other, DatasetCheck):
            found[other.name] = other.find(rows)
            on_done(other)
    return found


def row_ids(rows: Rows, checks: Sequence[RowCheck]) -> list[ExampleIds]:
    """The rows that each of ``checks`` finds, ascending."""
    found: list[list[ExampleIds]] = [[] for _ in checks]
    for some in _passes(rows):
        for number, ids in enumerate(_hits(some, checks)):
            found[number].append(_confirmed(some, checks[number], ids))
    return [np.concatenate(parts) if parts else np.empty(0, dtype=np.int64) for parts in found]


def _passes(rows: Rows) -> Iterator[Rows]:
    ((first, last),) = rows.query(f"SELECT min(example_id), max(example_id) FROM {rows.table}")
    if first is None:
        return
    if last - first < _PASS_IDS:
        yield rows
        return
    for start in range(first, last + 1, _PASS_IDS):
        yield rows.between(start, start + _PASS_IDS - 1)


def _hits(rows: Rows, checks: Sequence[RowCheck]) -> list[ExampleIds]:
    """The rows for which each check's condition holds, all found in one scan of the texts.

    Within CASE what stands behind AND is not looked at in vain, which halves the time of many rows; of a few it is
    quicker to plan without.
    """
    if not checks:
        return []
    form = "({})" if rows.are_few else "CASE WHEN {} THEN true ELSE false END"
    columns = ", ".join(f"{form.format(check.where)} AS hit_{number}" for number, check in enumerate(checks))
    found = rows.columns(f"SELECT example_id, {columns} FROM {rows.table} ORDER BY example_id")
    ids = np.asarray(found["example_id"], dtype=np.int64)
    return [ids[np.asarray(found[f"hit_{number}"], dtype=bool)] for number in range(len(checks))]


def _confirmed(rows: Rows, check: RowCheck, ids: ExampleIds) -> ExampleIds:
    if not len(ids):
        return ids
    if check.confirm_part is not None:
        parts = matches_of(rows.only(ids), check.spots)
        return np.array(sorted(id_ for id_, found in parts if any(map(check.confirm_part, found))), dtype=np.int64)
    if check.confirm is not None:
        texts = rows.stream(f"SELECT example_id, prompt, completion, system FROM {rows.only(ids).table}")
        return np.array(sorted(row[0] for row in texts if check.confirm(Texts(*row[1:]))), dtype=np.int64)
    return ids


def matches_of(rows: Rows, spots: Sequence[Spot]) -> Iterator[tuple[int, list[str]]]:
    """(example_id, all that the patterns of ``spots`` match in its texts) of each row."""
    found = (f"regexp_extract_all({spot.column}, {quoted(spot.pattern)})" for spot in spots)
    yield from rows.stream(f"SELECT example_id, flatten([{', '.join(found)}]) FROM {rows.table}")


def _regrouped(rows: Rows, check: GroupCheck, before: Finding | None, near: ExampleIds) -> Finding | None:
    """Groups with a row of ``near``, where rows changed, are made anew, from all of their rows."""
    others: list[ExampleIds] = []
    if before:
        group_of = np.repeat(np.arange(len(before.group_sizes)), before.group_sizes)
        is_touched = np.zeros(len(before.group_sizes), dtype=bool)
        is_touched[group_of[np.isin(before.example_ids, near)]] = True
        near = np.union1d(near, before.example_ids[is_touched[group_of]])
        others = [group for group, touched in zip(before.groups, is_touched, strict=True) if not touched]
    groups = [group.tolist() for group in others] + [list(group) for group in check.groups(rows.only(near))]
    return _grouped(rows, check, sorted(groups, key=min))


def _grouped(rows: Rows, check: GroupCheck, groups: Sequence[Sequence[int]]) -> Finding | None:
    if not groups:
        return None
    ids = np.array([example_id for group in groups for example_id in group], dtype=np.int64)
    finding = Finding(check.name, ids, "", np.array(list(map(len, groups)), dtype=np.int32))
    return Finding(check.name, ids, check.say(rows, finding), finding.group_sizes)
