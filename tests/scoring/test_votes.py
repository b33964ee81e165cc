"""What votes show, against published tables and by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.scoring.votes import Vote, bradley_terry, self_agreement, votes_needed, win_rate

# Davidson 1970, JASA 65: 317-328, table of six brands of chocolate pudding: brands i and j, times i was preferred,
# times j was, times neither.
PUDDINGS = [
    *[(1, 2, 19, 22, 16), (1, 3, 16, 19, 12), (2, 3, 19, 19, 10), (1, 4, 18, 23, 13), (2, 4, 23, 19, 9)],
    *[(3, 4, 19, 20, 15), (1, 5, 13, 19, 18), (2, 5, 16, 20, 12), (3, 5, 16, 15, 17), (4, 5, 17, 14, 16)],
    *[(1, 6, 18, 21, 12), (2, 6, 22, 20, 12), (3, 6, 13, 18, 10), (4, 6, 14, 19, 18), (5, 6, 11, 21, 12)],
]

# Stigler 1994, "Citation patterns in the journals of statistics and probability", Statistical Science 9: 94-108, as in
# Agresti 2002, "Categorical Data Analysis", table 10.10: how often each of two journals is cited by the other.
CITATIONS = [
    *[("Biometrika", "Comm Statist", 730, 33), ("Biometrika", "JASA", 498, 320), ("Biometrika", "JRSS-B", 221, 284)],
    *[("Comm Statist", "JASA", 68, 813), ("Comm Statist", "JRSS-B", 17, 276), ("JASA", "JRSS-B", 142, 325)],
]


def votes(a: str, b: str, wins: int, losses: int, ties: int = 0) -> list[Vote]:
    return [Vote(a, b, a)] * wins + [Vote(b, a, b)] * losses + [Vote(a, b, "")] * ties


def test_strengths_without_ties_golden() -> None:
    """The coefficients that Agresti and R's BradleyTerry2 print, against Biometrika, and their normal intervals."""
    found = bradley_terry([vote for pair in CITATIONS for vote in votes(*pair)])
    strengths = {arm.arm: arm.strength for arm in found.arms}
    against = {arm: strength - strengths["Biometrika"] for arm, strength in strengths.items()}
    assert against == pytest.approx(
        {"JRSS-B": 0.2690, "Biometrika": 0.0, "JASA": -0.4796, "Comm Statist": -2.9491}, abs=5e-5
    )
    assert [arm.arm for arm in found.arms] == ["JRSS-B", "Biometrika", "JASA", "Comm Statist"]
    assert (found.ties, found.votes, found.is_smoothed) == (0.0, 3727, False)
    last = found.arms[-1]
    assert last.high - last.low == pytest.approx(2 * 1.96 * 0.071, rel=0.15)


def test_strengths_with_ties_golden() -> None:
    """Davidson's own estimates for his puddings, as R's PlackettLuce gives them too."""
    found = bradley_terry([vote for i, j, *counts in PUDDINGS for vote in votes(str(i), str(j), *counts)])
    worth = {arm.arm: arm.worth for arm in found.arms}
    assert [worth[str(brand)] for brand in range(1, 7)] == pytest.approx(
        [0.1388, 0.1730, 0.1617, 0.1654, 0.1587, 0.2024], abs=1e-3
    )
    assert found.ties == pytest.approx(0.7468, abs=1e-3)


def test_two_arms_by_hand() -> None:
    """12 wins, 3 losses, 5 ties: the odds are 4 to 1, and nu = ties / sqrt(wins × losses) = 5 / 6."""
    found = bradley_terry(votes("tuned", "few_shot:5", 12, 3, 5))
    assert found.arms[0].strength - found.arms[1].strength == pytest.approx(math.log(4))
    assert found.ties == pytest.approx(5 / 6)
    assert [arm.worth for arm in found.arms] == pytest.approx([0.8, 0.2])
    assert (found.arms[0].wins, found.arms[0].losses, found.arms[0].ties) == (12, 3, 5)


def test_an_arm_that_never_lost_has_no_upper_end() -> None:
    found = bradley_terry(votes("tuned", "zero_shot", 9, 0) + votes("zero_shot", "one_shot", 6, 5))
    assert found.is_smoothed
    best = found.arms[0]
    assert (best.arm, best.high) == ("tuned", math.inf) and math.isfinite(best.strength) and math.isfinite(best.low)
    three = bradley_terry(votes("tuned", "zero_shot", 3, 0)).arms
    assert three[0].low < three[1].high, "three votes show nothing yet"
    assert bradley_terry([]).arms == ()


def test_votes_on_one_row_are_no_news_of_their_own() -> None:
    """Ten people who vote alike on one of four rows: the interval is as wide as that of four votes."""
    once = [Vote("a", "b", "ab"[row % 3 == 0], example_id=row + 1) for row in range(12)]
    often = [vote for vote in once for _ in range(10)]
    narrow, wide = bradley_terry(once).arms[0], bradley_terry(often).arms[0]
    assert (wide.low, wide.high) == pytest.approx((narrow.low, narrow.high))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.booleans()), max_size=12))
def test_worths_are_a_share_whatever_the_votes(outcomes: list[tuple[str, str, bool]]) -> None:
    given_votes = [Vote(a, b, "" if is_tie else a) for a, b, is_tie in outcomes if a != b]
    found = bradley_terry(given_votes)
    assert sum(arm.worth for arm in found.arms) == pytest.approx(1.0 if given_votes else 0.0)
    assert all(arm.low <= arm.high and math.isfinite(arm.strength) for arm in found.arms)


@pytest.mark.parametrize(
    ("wins", "losses", "ties", "rate", "low", "high"),
    [
        (9, 1, 0, 0.9, 0.5958, 0.9821),  # Wilson of 9 of 10
        (0, 20, 0, 0.0, 0.0, 0.1611),
        (8, 0, 2, 0.9, 0.5958, 0.9821),  # a tie is half a win
        (0, 0, 0, 0.5, 0.0, 1.0),
    ],
)
def test_the_win_rate_and_its_interval(wins: int, losses: int, ties: int, rate: float, low: float, high: float) -> None:
    found = win_rate([*votes("tuned", "x", wins, losses, ties), Vote("tuned", "other", "other")], "tuned", "x")
    assert (found.rate, found.low, found.high) == pytest.approx((rate, low, high), abs=5e-5)
    assert (found.n, found.wins, found.losses, found.ties) == (wins + losses + ties, wins, losses, ties)


def test_how_many_more_votes_are_needed() -> None:
    """6 of 10: (1.96 + 0.84)² / 4 / 0.1² = 196.2 votes in all. With 4 ties of 10 a vote varies less: 117.7."""
    assert votes_needed(win_rate(votes("a", "b", 6, 4), "a", "b")) == 197 - 10
    assert votes_needed(win_rate(votes("a", "b", 4, 2, 4), "a", "b")) == 118 - 10
    assert votes_needed(win_rate(votes("a", "b", 9, 1), "a", "b")) == 0
    assert votes_needed(win_rate(votes("a", "b", 5, 5), "a", "b")) is None, "it may never be shown"
    assert votes_needed(win_rate(votes("a", "b", 500, 499), "a", "b")) is None, "nobody votes a million times"
    assert votes_needed(win_rate([], "a", "b")) is None


def test_hidden_repeats_say_whether_a_voter_agrees_with_themselves_and_nothing_else() -> None:
    first = [Vote("a", "b", winner, row) for row, winner in enumerate(["a", "b", "", "a"], start=1)]
    again = [Vote("b", "a", winner, row, is_repeat=True) for row, winner in enumerate(["a", "b", "", "b"], start=1)]
    stray = Vote("a", "b", "a", 99, is_repeat=True)
    found = self_agreement([*first, *again, stray])
    assert (found.rate, found.n) == (0.75, 4) and found.low == pytest.approx(0.3006, abs=5e-5)
    assert win_rate([*first, *again], "a", "b") == win_rate(first, "a", "b")
    assert bradley_terry([*first, *again]).votes == 4
    assert self_agreement(first).n == 0


def test_a_vote_is_between_two_arms() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        Vote("a", "b", "c")
    with pytest.raises(ValueError, match="no outcome"):
        Vote("a", "a", "a")
