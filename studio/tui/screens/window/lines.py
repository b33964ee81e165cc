"""The Window screen's lines: fates, longest rows, what examples in the prompt cost."""

from __future__ import annotations

from studio.reports.cells import fit
from studio.reports.numbers import number, percent
from studio.reports.window import WindowReport
from studio.tokens.window import Fate
from studio.tui.widgets.lines import Line

FATE_LOOKS: dict[Fate, tuple[str, str]] = {
    Fate.WHOLE: ("✓", "good"),
    Fate.ANSWER_CUT: ("▲", "warn"),
    Fate.END_OF_TURN_CUT: ("▲", "warn"),
    Fate.NOTHING_LEFT: ("✗", "bad"),
}
COUNT_WIDTH, SHARE_WIDTH = 8, 8
MIN_BAR = 10


def fate_line(report: WindowReport, fate: Fate, width: int) -> Line:
    """Glyph, name, count, percent; with room, a bar."""
    glyph, style = FATE_LOOKS[fate]
    count = report.fates[fate]
    share = count / report.n if report.n else 0.0
    quiet = style if count else "dim"
    name_width = min(23, width - COUNT_WIDTH - SHARE_WIDTH - 2)
    bar = width - 2 - name_width - COUNT_WIDTH - SHARE_WIDTH - 2
    return [
        (glyph + " ", quiet),
        (fit(fate.value, name_width), "" if count else "dim"),
        (fit(number(count), COUNT_WIDTH, "right"), "" if count else "dim"),
        (fit(percent(share, 1) if count else "", SHARE_WIDTH, "right"), "dim"),
        ("  " + "━" * max(1 if count else 0, round(share * bar)) if bar >= MIN_BAR else "", quiet),
    ]


def longest_line(report: WindowReport, index: int, width: int) -> Line:
    """Row number, its tokens as a bar against the longest, and what is over max_length."""
    example_id, tokens = report.longest[index]
    over = tokens - report.max_length
    words = f"  ▲ {number(over)} over" if over > 0 else ""
    bar = max(0, width - 8 - COUNT_WIDTH - 14 - 2)
    filled = round(bar * tokens / report.max) if report.max else 0
    return [
        (fit(f"#{example_id}", 8), "dim"),
        (fit(number(tokens), COUNT_WIDTH, "right"), ""),
        ("  " + "━" * filled, "bar-over" if over > 0 else "bar"),
        (words, "warn"),
    ]


def shot_lines(report: WindowReport, width: int) -> list[Line]:
    """One line per number of shots: prompt tokens, share of the context window, rows that no longer fit."""
    is_wide = width >= 56
    heads = (
        ("shots", "prompt tokens", "of the window", "no longer fit")
        if is_wide
        else ("shots", "prompt", "window", "no fit")
    )
    widths = (6, 15, 15, 15) if is_wide else (5, 9, 9, 8)
    lines: list[Line] = [[(fit(head, cells, "right"), "dim") for head, cells in zip(heads, widths, strict=True)]]
    for cost in report.shots:
        is_most = cost.shots == report.max_shots
        texts = (
            number(cost.shots),
            number(cost.prompt_tokens_mean),
            percent(cost.share_of_window, 1),
            number(cost.rows_that_no_longer_fit),
        )
        style = "bad" if cost.share_of_window > 1 else "warn" if cost.rows_that_no_longer_fit else ""
        line: Line = [(fit(text, cells, "right"), style) for text, cells in zip(texts, widths, strict=True)]
        if is_most and is_wide:
            line.append(("  the most", "dim"))
        lines.append(line)
    if report.shots and report.shots[0].shots == 0:
        first, last = report.shots[0], report.shots[-1]
        times = last.prompt_tokens_mean / max(1.0, first.prompt_tokens_mean)
        if is_wide:
            lines.append([("", "")])
        lines.append(
            [
                (f"{number(last.shots)} shots make every prompt {times:.0f} times as long; ", "dim"),
                ("fine-tuning leaves it as it is.", "completion"),
            ]
        )
    return lines


def progress_lines(done: int, total: int, width: int) -> list[Line]:
    """A count under way, for a screen that has nothing else to show yet."""
    bar = max(8, min(60, width - 10))
    filled = round(bar * done / total) if total else 0
    return [
        [(f"counting tokens: {number(done)} of {number(total)} rows", "title")],
        [("━" * filled, "bar"), ("─" * (bar - filled), "faint")],
        [("esc", "key"), (" stops; what is counted stays counted", "dim")],
    ]
