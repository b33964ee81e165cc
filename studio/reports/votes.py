"""Blind votes in words: how they stand while nobody may know whose they are, and what they come to in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from studio.reports.cells import Segment
from studio.reports.numbers import counted, number, percent
from studio.reports.table import Cell, Column, Table
from studio.runs.votes import CastVote
from studio.scoring.votes import Vote, WinRate, bradley_terry, self_agreement, votes_needed, win_rate


def as_scored(votes: Iterable[CastVote]) -> list[Vote]:
    """The votes as the statistics take them."""
    return [Vote(vote.left, vote.right, vote.winner, vote.example_id, vote.is_repeat) for vote in votes]


def blind_standing(votes: Sequence[CastVote], arms: tuple[str, str]) -> str:
    """How the votes between two arms stand, without saying which of them leads."""
    rate = win_rate(as_scored(votes), *arms)
    if not rate.n:
        return "no vote yet"
    if rate.rate < 0.5:
        rate = win_rate(as_scored(votes), arms[1], arms[0])
    ties = f", {counted(rate.ties, 'tie')}" if rate.ties else ""
    leads = "level" if rate.wins == rate.losses else "one leads"
    return (
        f"{counted(rate.n, 'vote')}: {leads} {number(rate.wins)} to {number(rate.losses)}{ties} "
        f"({_shares(rate)}) · {needed_words(rate)}"
    )


def needed_words(rate: WinRate) -> str:
    """About how many more votes would show which is better, going by those so far."""
    needed = votes_needed(rate)
    if needed == 0:
        return "that shows which is better"
    return "no telling yet how many more it takes" if needed is None else f"about {number(needed)} more would show it"


def result_lines(votes: Sequence[CastVote], arms: tuple[str, str]) -> list[list[Segment]]:
    """The names, at the end: who was preferred how often, how sure that is, and how steady the voter is."""
    scored = as_scored(votes)
    rate = win_rate(scored, *arms)
    if not rate.n:
        return [[("No vote was cast.", "title")]]
    better, other = (rate.a, rate.b) if rate.rate >= 0.5 else (rate.b, rate.a)
    rate = win_rate(scored, better, other)
    verdict = f"{better} is preferred to {other}" if rate.is_shown else f"{better} and {other}: no preference shown"
    lines: list[list[Segment]] = [
        [(verdict, "title")],
        [(f"{better} {number(rate.wins)}, {other} {number(rate.losses)}, alike {number(rate.ties)}", "")],
        [(f"{better} wins {_shares(rate)} with a tie as half a win", "")],
        [(needed_words(rate), "dim")],
    ]
    agreed = self_agreement(scored)
    if agreed.n:
        shares = f"{percent(agreed.rate)} (95 %: {percent(agreed.low)} to {percent(agreed.high)})"
        lines.append([(f"asked again, {counted(agreed.n, 'vote')} came out alike {shares}", "dim")])
    else:
        lines.append([("no pair was asked a second time yet", "dim")])
    return lines


def votes_table(votes: Sequence[CastVote]) -> Table:
    """Every arm that was voted on, strongest first: its share of preference by Bradley and Terry's model."""
    scored = as_scored(votes)
    ranking = bradley_terry(scored)
    columns = [
        Column("arm", is_left=True),
        *(Column(title) for title in ("won", "lost", "alike", "strength")),
        Column("95 %"),
    ]
    rows = [
        [
            Cell(arm.arm, "title"),
            *(Cell(number(count)) for count in (arm.wins, arm.losses, arm.ties)),
            Cell(_strength(arm.strength)),
            Cell(f"{_strength(arm.low)} to {_strength(arm.high)}"),
        ]
        for arm in ranking.arms
    ]
    agreed = self_agreement(scored)
    notes = [f"{counted(ranking.votes, 'vote')}; strengths on the log scale of Bradley and Terry, 0 in the mean."]
    if agreed.n:
        notes.append(f"Asked again, {counted(agreed.n, 'vote')} came out alike {percent(agreed.rate)}.")
    return Table(columns, rows, [(5,), (4,)], notes)


def _strength(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    return f"{value:+.2f}".replace("-", "−")


def _shares(rate: WinRate) -> str:
    return f"{percent(rate.rate)}, 95 %: {percent(rate.low)} to {percent(rate.high)}"
