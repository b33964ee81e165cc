"""What a judge said of two arms, in words: how often each won, what the order did, and whether people agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from studio.reports.numbers import counted, percent
from studio.scoring.votes import Agreement, WinRate


def judged_lines(
    judge: str, rate: WinRate, turned: int, unclear: int, errors: Sequence[str], agreed: Agreement
) -> list[str]:
    """A sentence each. ``turned`` counts the ties that the order made, ``errors`` are the rows' reasons."""
    lines = [
        f"{judge} prefers {rate.a} to {rate.b} in {percent(rate.rate)} "
        f"(95 %: {percent(rate.low)} to {percent(rate.high)}) of {counted(rate.n, 'row')}, a tie as half: "
        f"{rate.wins} to {rate.losses}, {counted(rate.ties, 'tie')}"
        + (f", {turned} of them because the order of the answers decided." if turned else ".")
    ]
    if rate.n and not rate.is_shown:
        lines.append("That shows no preference.")
    if agreed.n:
        shares = f"{percent(agreed.rate)} (95 %: {percent(agreed.low)} to {percent(agreed.high)})"
        lines.append(f"It says what people said on {shares} of the {counted(agreed.n, 'row')} that they voted on.")
    else:
        lines.append("Nobody voted on these rows: how far the judge can be trusted is not known (v on Compare votes).")
    if unclear:
        lines.append(f"{counted(unclear, 'row')} without a clear word, left out.")
    lines += [f"{counted(count, 'row')} failed: {why}" for why, count in Counter(errors).most_common(3)]
    return lines
