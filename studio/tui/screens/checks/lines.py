"""The lines of the Checks screen: a finding in the list, and all that is said of the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from studio.dataset.checks.check import Severity
from studio.dataset.checks.kept import Result
from studio.dataset.checks.samples import Sample
from studio.reports.checks import count_in_words, said, trend
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.tui.widgets.lines import Line

_GLYPHS = {Severity.ERROR: ("✗", "bad"), Severity.WARNING: ("▲", "warn"), Severity.INFO: ("·", "dim")}
_COUNT_CELLS = 9


def head_line(width: int) -> Line:
    """The heading of the list."""
    name = max(8, width - 2 * _COUNT_CELLS - 4)
    return [("  ", ""), (f"{'check':<{name}}", "dim"), (f"{'now':>{_COUNT_CELLS}}{'before':>{_COUNT_CELLS}}", "dim")]


def result_line(one: Result, width: int) -> Line:
    """A check in the list: how bad, its name, how many rows now and in the look before."""
    glyph, style = _GLYPHS[one.check.severity]
    if not one.is_open:
        glyph, style = ("✓", "good") if one.finding else ("–", "faint")
    name = max(8, width - 2 * _COUNT_CELLS - 4)
    title = one.check.name.replace("_", " ")
    before = "" if one.count_before is None else number(one.count_before)
    arrow = trend(one)
    now = f"{arrow} {count_in_words(one)}".strip() if one.finding else ""
    quiet = not one.is_open
    return [
        (f"{glyph} ", style),
        (f"{title[: name - 1]:<{name}}", "dim" if quiet else "bold"),
        (f"{now:>{_COUNT_CELLS}}", "dim" if quiet else ("bad" if arrow == "▲" else "good" if arrow else "")),
        (f"{before:>{_COUNT_CELLS}}", "dim"),
    ]


def finding_lines(one: Result, samples: Sequence[Sample]) -> list[Line]:
    """All that is said of a finding: the sentence, why it harms, a few of its rows, what can be done."""
    check = one.check
    lines: list[Line] = [[(said(one), "bold" if one.is_open else "")]]
    if one.changed_rows:
        lines.append([(f"{counted(one.changed_rows, 'row')} changed since; r looks again", "warn")])
    lines += [[("", "")], [(check.about, "")], [(check.harms, "dim")], [("", "")]]
    for sample in samples:
        lines += sample_lines(sample)
    lines += [[("", "")], _what_can_be_done(one)]
    return lines


def sample_lines(sample: Sample) -> list[Line]:
    """A row with what offends in it marked."""
    before, part, behind = (visible(text, single_line=True) for text in (sample.before, sample.part, sample.behind))
    line: Line = [(f"{sample.example_id:>7}  ", "label"), (before, sample.column)]
    if part:
        line += [(part, "match"), (behind, sample.column)]
    return [line]


def idle_actions(one: Result | None) -> list[str]:
    """The actions that have nothing to act on in this finding, as the lines beneath it leave them out."""
    finding = one.finding if one is not None else None
    has_groups = finding is not None and len(finding.group_sizes) > 0
    has_fix = finding is not None and one is not None and one.check.fix is not None
    can = {"fix": has_fix, "bench": has_groups, "waive": finding is not None}
    return [name for name, is_possible in can.items() if not is_possible]


def _what_can_be_done(one: Result) -> Line:
    line: Line = []
    if one.count:
        line += [("enter", "key"), (" its rows in Data   ", "dim")]
    if one.finding and len(one.finding.group_sizes):
        line += [("b", "key"), (" side by side   ", "dim")]
    if one.check.fix and one.finding:
        line += [("A", "key"), (f" {one.check.fix.about}   ", "dim")]
    if one.finding:
        line += [("W", "key"), (" count it again" if not one.is_open else " let it be, with a reason", "dim")]
    return line
