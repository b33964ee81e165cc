"""Versions as a table, and the difference of two as lines and as facts for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from studio.dataset.examples import Example
from studio.dataset.versions import Moved, Version, VersionDiff
from studio.reports.cells import Segment, cut
from studio.reports.differences import differences, spelled_out
from studio.reports.numbers import counted, number
from studio.reports.table import Cell, Column, Table
from studio.reports.visible import visible

_LINE_CHARS = 100
_TEXTS = ("context", "prompt", "completion")


def versions_table(versions: Sequence[Version]) -> Table:
    """The newest first."""
    columns = [Column(title, is_left=True) for title in ("version", "made", "by")]
    columns += [Column("rows"), Column("content", is_left=True), Column("note", is_left=True)]
    rows = [
        [
            Cell(visible(one.name, single_line=True)),
            Cell(f"{one.made_at.astimezone():%Y-%m-%d %H:%M}", "dim"),
            Cell(visible(one.who, single_line=True), "dim"),
            Cell(number(one.row_count)),
            Cell(one.content_hash[:8], "dim"),
            Cell(cut(one.note, 60), "dim"),
        ]
        for one in reversed(versions)
    ]
    return Table(columns, rows)


def version_as_json(version: Version) -> dict[str, Any]:
    """For scripts; the time is in UTC."""
    return asdict(version) | {"made_at": version.made_at.isoformat()}


def changes_in_words(diff: VersionDiff) -> str:
    """``120 added, 3 removed, 14 edited, 2 relabelled, 1 moved``, or ``nothing changed``."""
    return ", ".join(f"{number(count)} {word}" for word, count in _counts(diff) if count) or "nothing changed"


def tasks_in_words(diff: VersionDiff, most: int = 3) -> str:
    """``tickets 98, tone 22``: the tasks in which most rows differ; nothing where rows have no task."""
    named = [(visible(task, single_line=True) or "no task", count) for task, count in diff.tasks.items()]
    if [name for name, _ in named] in ([], ["no task"]):
        return ""
    rest = sum(count for _, count in named[most:])
    said = [f"{name} {number(count)}" for name, count in named[:most]]
    return ", ".join([*said, *([f"others {number(rest)}"] if rest else [])])


def diff_lines(
    diff: VersionDiff, added: Sequence[Example], removed: Sequence[Example], edited: Sequence[tuple[Example, Example]]
) -> list[list[Segment]]:
    """What differs: counts, tasks, labels and splits, then texts of the rows given, edits by word."""
    before, after = (visible(name, single_line=True) for name in diff.names)
    lines: list[list[Segment]] = [
        [(before, "removed"), ("  →  ", "dim"), (after, "added"), (f"  {changes_in_words(diff)}", "")]
    ]
    if tasks := tasks_in_words(diff, most=8):
        lines.append([("tasks  ", "dim"), (tasks, "")])
    for title, moves in (
        ("relabelled", diff.relabelled),
        ("moved between splits", diff.moved),
        ("of another task", diff.retasked),
    ):
        lines += _titled(title, [_move_line(move) for move in moves])
    lines += _titled(_of("added", len(diff.added), len(added)), [_row_line(one, "added") for one in added])
    lines += _titled(_of("removed", len(diff.removed), len(removed)), [_row_line(one, "removed") for one in removed])
    words = [line for before, after in edited for line in _edit_lines(before, after)]
    return lines + _titled(_of("edited", len(diff.edited), len(edited)), words)


def diff_as_json(diff: VersionDiff, edited: Sequence[tuple[Example, Example]]) -> dict[str, Any]:
    """For scripts: the rows of every kind by their numbers; of edited ones each text that differs, before and after."""
    return {
        "before": diff.names[0],
        "after": diff.names[1],
        "rows": diff.count,
        "tasks": diff.tasks,
        "added": diff.added.tolist(),
        "removed": diff.removed.tolist(),
        "relabelled": [_move_as_json(move) for move in diff.relabelled],
        "moved": [_move_as_json(move) for move in diff.moved],
        "retasked": [_move_as_json(move) for move in diff.retasked],
        "edited": [
            {"example_id": after.example_id}
            | {
                name: {"before": getattr(before, name), "after": getattr(after, name)}
                for name in _TEXTS
                if getattr(before, name) != getattr(after, name)
            }
            for before, after in edited
        ],
    }


def _counts(diff: VersionDiff) -> list[tuple[str, int]]:
    return [
        ("added", len(diff.added)),
        ("removed", len(diff.removed)),
        ("edited", len(diff.edited)),
        ("relabelled", sum(len(move.example_ids) for move in diff.relabelled)),
        ("moved", sum(len(move.example_ids) for move in diff.moved)),
        ("of another task", sum(len(move.example_ids) for move in diff.retasked)),
    ]


def _move_as_json(move: Moved) -> dict[str, Any]:
    return {"before": move.before, "after": move.after, "example_ids": move.example_ids.tolist()}


def _titled(title: str, lines: list[list[Segment]]) -> list[list[Segment]]:
    return [[("", "")], [(title, "title")], *lines] if lines else []


def _of(word: str, count: int, shown: int) -> str:
    return word if shown >= count else f"{word}, the first {number(shown)} of {number(count)}"


def _move_line(move: Moved) -> list[Segment]:
    ids = ", ".join(map(str, move.example_ids[:12].tolist())) + (", …" if len(move.example_ids) > 12 else "")
    return [
        (f"  {visible(move.before, single_line=True) or '(none)'}", "removed"),
        (" → ", "dim"),
        (visible(move.after, single_line=True) or "(none)", "added"),
        (f"  {counted(len(move.example_ids), 'row')}  ", ""),
        (ids, "dim"),
    ]


def _row_line(one: Example, style: str) -> list[Segment]:
    return [(f"  {one.example_id:>7}  ", "dim"), (cut(f"{one.prompt} → {one.completion}", _LINE_CHARS), style)]


def _edit_lines(before: Example, after: Example) -> list[list[Segment]]:
    lines: list[list[Segment]] = []
    for name in _TEXTS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            lines += [[(f"  {after.example_id:>7}  {name}", "dim")], *_indented(old, new)]
    return lines


def _indented(old: str, new: str) -> list[list[Segment]]:
    """The word diff, a line a line of the text."""
    lines: list[list[Segment]] = [[("           ", "")]]
    for text, kind in spelled_out(differences(old, new)):
        first, *others = visible(text).split("\n")
        lines[-1].append((first, "" if kind == "same" else kind))
        lines += [[("           ", ""), (part, "" if kind == "same" else kind)] for part in others]
    return lines
