"""What the checks found, as a table and in words."""

from __future__ import annotations

from collections.abc import Sequence

from studio.dataset.checks.check import Severity
from studio.dataset.checks.kept import Result
from studio.dataset.checks.rows import Need
from studio.dataset.rewriting import Rewrite
from studio.reports.differences import Kind, differences, spelled_out
from studio.reports.numbers import counted, number
from studio.reports.table import Cell, Column, Table
from studio.reports.visible import visible

_LACKING = {
    Need.TOKENS: "tokens are not counted yet (studio window)",
    Need.SPLITS: "not every row is in a split (studio split)",
    Need.CLUSTERS: "near prompts are not looked for yet (studio check)",
    Need.LOSSES: "no run's losses are kept (studio losses RUN --keep)",
}


_BESIDE_CHARS = 60


def by_severity(results: Sequence[Result]) -> list[Result]:
    """What there is to look at: what was found, the worst first and the waived last; then what could not run."""
    order = list(Severity)
    found = [one for one in results if one.finding]
    found.sort(key=lambda one: (not one.is_open, order.index(one.check.severity)))
    return found + [one for one in results if one.lacking]


def check_table(results: Sequence[Result]) -> Table:
    """What there is to look at, a check a row."""
    columns = (
        Column("check", is_left=True),
        Column("severity", is_left=True),
        Column("rows"),
        Column("before"),
        Column("what was found", is_left=True),
    )
    rows = []
    for one in by_severity(results):
        words = (one.check.name, "waived" if one.waiver and not one.is_open else str(one.check.severity))
        counts = (count_in_words(one), "–" if one.count_before is None else number(one.count_before))
        rows.append([Cell(text) for text in (*words, *counts, said(one))])
    return Table(list(columns), rows)


def count_in_words(one: Result) -> str:
    """How many rows were found; a dash where the check could not run or means no row by itself."""
    return number(one.count) if one.count else "–"


def trend(one: Result) -> str:
    """Whether more or fewer rows are found than in the look before; nothing where there was none, or no difference."""
    if one.count_before is None or one.count == one.count_before:
        return ""
    return "▲" if one.count > one.count_before else "▼"


def said(one: Result) -> str:
    """The sentence about what was found, and who waived it for what reason; or why the check did not run."""
    if one.lacking:
        return f"not run: {'; '.join(_LACKING[need] for need in one.lacking)}"
    if one.finding is None:
        return "nothing found"
    if one.waiver is None:
        return one.finding.sentence
    waived = f"Waived by {one.waiver.who}: {one.waiver.reason}."
    if one.is_open:
        return f"{one.finding.sentence} {counted(len(one.unwaived), 'row')} since the waiver of {one.waiver.who}."
    return f"{one.finding.sentence} {waived}"


def fix_lines(
    about: str, count: int, rewrites: Sequence[Rewrite], removed: Sequence[int]
) -> list[list[tuple[str, str]]]:
    """What a fix would do: the first texts that change, as differences, or the rows that go to the trash."""
    lines: list[list[tuple[str, str]]] = [[(f"{about}: {counted(count, 'row')}", "bold")], [("", "")]]
    for one in rewrites:
        for column, old, new in (
            ("prompt", one.prompt, one.new_prompt),
            ("completion", one.completion, one.new_completion),
        ):
            if old != new:
                pieces = spelled_out(_near_changes(differences(visible(old), visible(new))))
                lines += [
                    [(f"{one.example_id} · {column}", "label")],
                    [(text, kind) for text, kind in pieces],
                    [("", "")],
                ]
    if removed:
        some = ", ".join(map(str, removed)) + (", …" if count > len(removed) else "")
        lines.append([(f"to the trash: {some}", "")])
    elif count > len(rewrites):
        lines.append([(f"… and {counted(count - len(rewrites), 'row')} more", "dim")])
    return lines


def _near_changes(pieces: Sequence[tuple[str, Kind]]) -> list[tuple[str, Kind]]:
    """The pieces, with long stretches that stay cut down to what stands beside a change."""
    kept: list[tuple[str, Kind]] = []
    for text, kind in pieces:
        is_long = kind == "same" and len(text) > 2 * _BESIDE_CHARS
        kept.append((f"{text[:_BESIDE_CHARS]}…{text[-_BESIDE_CHARS:]}" if is_long else text, kind))
    return kept


def checks_summary(results: Sequence[Result]) -> str:
    """How many checks found something, in a line."""
    parts = [counted(len(results), "check"), counts_in_words(results)]
    if lacking := sum(bool(one.lacking) for one in results):
        parts.append(f"{number(lacking)} not run")
    return " · ".join([*parts, "docs/checks.md says why it matters"])


def counts_in_words(results: Sequence[Result]) -> str:
    """How many checks of each severity found something, and how many of those are waived."""
    found = [one for one in results if one.is_open]
    parts = [
        counted(count, str(severity))
        for severity in Severity
        if (count := sum(one.check.severity is severity for one in found))
    ]
    if waived := sum(one.finding is not None and not one.is_open for one in results):
        parts.append(f"{number(waived)} waived")
    return " · ".join(parts) or "nothing found"
