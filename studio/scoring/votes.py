"""What votes between answers show: who wins, how sure that is, and about how many more votes would settle it.

A vote compares the answers of two arms to one row, sides shuffled and names hidden. Everything is exact or
seeded: the same votes always give the same figures. Shares are in 0..1; intervals are at ``confidence``, 95 % unless
said otherwise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from studio.scoring.statistics import POWER, two_sided_z, wilson

Floats = NDArray[np.float64]

RESAMPLES = 1000
MOST_VOTES = 100_000  # a need beyond this is no plan
_MOST_ROUNDS = 100
_LONGEST_STEP = 1.0
_CLOSE_ENOUGH = 1e-9


@dataclass(frozen=True)
class Vote:
    """One vote between the arms ``a`` and ``b``; ``winner`` is one of the two, or empty for a tie.

    ``example_id`` is the row that both answered. ``is_repeat`` marks a pair that was voted on before and is asked
    again, hidden, to see whether the voter agrees with themselves: it counts for ``self_agreement`` and nothing else.
    """

    a: str
    b: str
    winner: str
    example_id: int = 0
    is_repeat: bool = False

    def __post_init__(self) -> None:
        if self.a == self.b or self.winner not in ("", self.a, self.b):
            raise ValueError(f"{self.winner!r} is no outcome between {self.a!r} and {self.b!r}")


@dataclass(frozen=True)
class Strength:
    """An arm of a Bradley-Terry model: ``strength`` on the log scale, over all arms 0 in the mean, and its interval.

    ``low`` and ``high`` are infinite where votes do not bound it: an arm that never lost could be of any strength.
    ``worth`` is exp(strength) as a share of all arms', so that they sum to 1.
    """

    arm: str
    strength: float
    low: float
    high: float
    worth: float
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True)
class Ranking:
    """Arms, strongest first. ``ties`` is Davidson's nu: 0 where no vote was a tie, larger the more there are.

    ``is_smoothed``: the votes alone bound no strength, as where one arm never lost, so that half a vote for either side
    was added to every pair that was voted on. Arms that no chain of votes connects cannot be ranked against each other.
    """

    arms: tuple[Strength, ...]
    ties: float
    votes: int
    is_smoothed: bool


@dataclass(frozen=True)
class WinRate:
    """How often ``a`` was preferred to ``b``, a tie as half a win, with its interval; ``n`` votes."""

    a: str
    b: str
    rate: float
    low: float
    high: float
    n: int
    wins: int
    losses: int
    ties: int

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves one half out."""
        return self.n > 0 and not self.low <= 0.5 <= self.high


@dataclass(frozen=True)
class Agreement:
    """Of ``n`` hidden repeats, the share that was answered as before, with its interval."""

    rate: float
    low: float
    high: float
    n: int


def win_rate(votes: Iterable[Vote], a: str, b: str, confidence: float = 0.95) -> WinRate:
    """How often ``a`` was preferred to ``b``; repeats are left out. Without a vote the rate is 0.5, between 0 and 1.

    The interval is Wilson's with a tie as half a win. A tie varies less than a win and a loss, so that with ties it is
    a little wider than need be, never too narrow.
    """
    ours = [vote for vote in _counted(votes) if {vote.a, vote.b} == {a, b}]
    wins, losses = sum(vote.winner == a for vote in ours), sum(vote.winner == b for vote in ours)
    n, ties = len(ours), len(ours) - wins - losses
    low, high = wilson(wins + ties / 2, n, confidence)
    return WinRate(a, b, (wins + ties / 2) / n if n else 0.5, low, high, n, wins, losses, ties)


def self_agreement(votes: Sequence[Vote], confidence: float = 0.95) -> Agreement:
    """How often a hidden repeat was answered as the first vote on the same row and arms was.

    A repeat without a first vote is passed over. With no repeat at all: rate 0, interval 0 to 1, n 0.
    """
    first: dict[tuple[int, frozenset[str]], str] = {}
    for vote in votes:
        if not vote.is_repeat:
            first[_pair_of(vote)] = vote.winner
    same = [vote.winner == first[_pair_of(vote)] for vote in votes if vote.is_repeat and _pair_of(vote) in first]
    low, high = wilson(sum(same), len(same), confidence)
    return Agreement(sum(same) / len(same) if same else 0.0, low, high, len(same))


def votes_needed(rate: WinRate, confidence: float = 0.95, power: float = POWER) -> int | None:
    """About how many more votes would show which of the two is preferred, if they go on as they went so far.

    0 where it is shown already. None where nothing can be said: no votes, as many for either side, or more than
    ``MOST_VOTES``. It is a plan and no promise: the rate so far is itself uncertain, and whoever looks after every vote
    and stops at the first interval without one half is wrong more often than 5 % of the time.

    The sample size of a sign test with ties as halves: ((z_alpha + z_power) * s / (rate - 1/2))**2, s the standard
    deviation of a vote's value (0, 1/2 or 1) where both are alike, which is sqrt((1 - share of ties) / 4).
    """
    if rate.is_shown:
        return 0
    if rate.n == 0 or rate.rate == 0.5:
        return None
    z = two_sided_z(confidence) + NormalDist().inv_cdf(power)
    needed = math.ceil(z * z * (1 - rate.ties / rate.n) / 4 / (rate.rate - 0.5) ** 2)
    return None if needed > MOST_VOTES else max(1, needed - rate.n)


def bradley_terry(votes: Iterable[Vote], seed: int = 0, confidence: float = 0.95) -> Ranking:
    """Strengths of all arms that were voted on, by maximum likelihood, with bootstrap intervals over rows.

    The model is Bradley and Terry's with Davidson's ties: a beats b with a chance in proportion to their worths, and
    they tie in proportion to nu * sqrt(worth of a * worth of b). Bradley and Terry 1952, "Rank analysis of incomplete
    block designs", Biometrika 39: 324-345; Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in
    paired comparison experiments", JASA 65: 317-328.

    Repeats are left out. Rows are drawn anew, not votes, since the votes on one row are alike; where no vote names its
    row (``example_id`` 0), each is its own. An end of an interval is infinite where votes do not bound it, as the upper
    one of an arm that never lost. Empty without votes.
    """
    counted = _counted(votes)
    arms = sorted({arm for vote in counted for arm in (vote.a, vote.b)})
    if not arms:
        return Ranking((), 0.0, 0, is_smoothed=False)
    place = {arm: index for index, arm in enumerate(arms)}
    rows = [vote.example_id or -1 - index for index, vote in enumerate(counted)]
    _, groups = np.unique(rows, return_inverse=True)
    outcomes = np.array([_outcome(vote, place) for vote in counted])
    wins, ties = _tables(outcomes, np.ones((1, len(counted))), len(arms))
    more_wins, (is_smoothed, *_) = _smoothed(wins, ties)
    (strengths, *_), (nu, *_) = _fit(more_wins, ties)
    if is_smoothed:
        low, high = _normal_ends(wins, ties, confidence)
    else:
        low, high = _bootstrap_ends(outcomes, groups, len(arms), seed, confidence)
    worth = np.exp(strengths - strengths.max())
    worth /= worth.sum()
    found = [
        Strength(arm, float(strengths[at]), float(low[at]), float(high[at]), float(worth[at]), *_record(counted, arm))
        for at, arm in enumerate(arms)
    ]
    return Ranking(tuple(sorted(found, key=lambda arm: -arm.strength)), float(nu), len(counted), bool(is_smoothed))


def _counted(votes: Iterable[Vote]) -> list[Vote]:
    return [vote for vote in votes if not vote.is_repeat]


def _pair_of(vote: Vote) -> tuple[int, frozenset[str]]:
    return vote.example_id, frozenset((vote.a, vote.b))


def _record(votes: Sequence[Vote], arm: str) -> tuple[int, int, int]:
    met = Counter(
        "win" if vote.winner == arm else "loss" if vote.winner else "tie" for vote in votes if arm in (vote.a, vote.b)
    )
    return met["win"], met["loss"], met["tie"]


def _outcome(vote: Vote, place: dict[str, int]) -> tuple[int, int, bool]:
    """Places of the winner and the loser, or of the two of a tie, and whether it is one."""
    a, b = place[vote.a], place[vote.b]
    return (b, a, False) if vote.winner == vote.b else (a, b, not vote.winner)


def _tables(outcomes: NDArray[np.int64], weights: Floats, arms: int) -> tuple[Floats, Floats]:
    """How often each beat each, (samples, arms, arms), and how often they tied, the same and symmetric.

    outcomes: (votes, 3) of ``_outcome``. weights: (samples, votes), how often a sample has each vote.
    """
    first, second, is_tie = outcomes.T
    tables = np.zeros((2, arms * arms, len(weights)))
    np.add.at(tables, (is_tie, first * arms + second), weights.T)
    wins, ties = tables.transpose(0, 2, 1).reshape(2, len(weights), arms, arms)
    return wins, ties + ties.swapaxes(1, 2)


def _smoothed(wins: Floats, ties: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The wins, with half a win more for either side of every pair that met where the likelihood has no finite maximum.

    It has one where every arm is reached from every other over "lost to, or tied with" (Ford 1957, "Solution of a
    ranking problem from binary comparisons", American Mathematical Monthly 64: 28-33) and not all votes are ties.
    The second says which samples were smoothed. Shapes as of ``_tables``.
    """
    reached = (wins + ties > 0) | np.eye(wins.shape[1], dtype=bool)
    for middle in range(wins.shape[1]):
        reached |= reached[:, :, middle, None] & reached[:, None, middle, :]
    is_open = ~reached.all(axis=(1, 2)) | (wins.sum(axis=(1, 2)) == 0)
    met = wins + wins.swapaxes(1, 2) + ties > 0
    return wins + 0.5 * (met & is_open[:, None, None]), is_open


def _fit(wins: Floats, ties: Floats) -> tuple[Floats, Floats]:
    """Log strengths (samples, arms), mean 0, and Davidson's nu (samples), each sample by Newton's method.

    The likelihood is concave in the log strengths and log nu: steps of at most ``_LONGEST_STEP`` reach its maximum.
    """
    arms, met = wins.shape[1], wins + wins.swapaxes(1, 2) + ties
    has_ties = ties.sum(axis=(1, 2)) > 0
    score = np.append(wins.sum(axis=2) + ties.sum(axis=2) / 2, ties.sum(axis=(1, 2))[:, None] / 2, axis=1)
    parameters = np.zeros((len(wins), arms + 1))
    for _ in range(_MOST_ROUNDS):
        gradient, information = _slopes(parameters, has_ties, score, met)
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        parameters += step * np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, _CLOSE_ENOUGH))
        if longest.max() < _CLOSE_ENOUGH:
            break
    strengths = parameters[:, :-1]
    return strengths - strengths.mean(axis=1, keepdims=True), np.exp(parameters[:, -1]) * has_ties


def _slopes(parameters: Floats, has_ties: NDArray[np.bool_], score: Floats, met: Floats) -> tuple[Floats, Floats]:
    """Gradient and information (minus the Hessian) of the log likelihood in (log strengths, log nu), per sample."""
    worth, nu = np.exp(parameters[:, :-1]), np.exp(parameters[:, -1]) * has_ties
    tie = nu[:, None, None] * np.sqrt(worth[:, :, None] * worth[:, None, :])
    total = worth[:, :, None] + worth[:, None, :] + tie
    p_win, p_tie = worth[:, :, None] / total, tie / total
    share = p_win + p_tie / 2  # the mean of a vote's value for the arm of the row
    spread = met * (p_win + p_tie / 4 - share**2)
    arms = worth.shape[1]
    information = np.zeros((len(worth), arms + 1, arms + 1))
    # Only differences of strengths are told apart: what is added holds their mean, and sets of arms that never met.
    information[:, :-1, :-1] = 1 / arms + _CLOSE_ENOUGH * np.eye(arms) - spread
    information[:, range(arms), range(arms)] += spread.sum(axis=2)
    information[:, -1, -1] = np.where(has_ties, (met * p_tie * (1 - p_tie)).sum(axis=(1, 2)) / 2, 1.0)
    beside = (met * p_tie * (0.5 - share)).sum(axis=2)
    information[:, -1, :-1] = information[:, :-1, -1] = beside
    expected = np.append((met * share).sum(axis=2), (met * p_tie).sum(axis=(1, 2))[:, None] / 2, axis=1)
    return score - expected, information


def _bootstrap_ends(
    outcomes: NDArray[np.int64], groups: NDArray[np.int64], arms: int, seed: int, confidence: float
) -> tuple[Floats, Floats]:
    """Percentile ends of the log strengths over seeded resamples of rows; infinite where a resample bounds no end."""
    kinds, kind_of = np.unique(outcomes, axis=0, return_inverse=True)
    of_row = np.zeros((int(groups.max()) + 1, len(kinds)))
    np.add.at(of_row, (groups, kind_of), 1.0)
    # Rows with the same votes are as good as one another: drawing how many of each is drawing rows.
    patterns, times = np.unique(of_row, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(of_row), times / len(of_row), RESAMPLES)
    wins, ties = _tables(kinds, drawn @ patterns, arms)
    more_wins, is_open = _smoothed(wins, ties)
    strengths, _ = _fit(more_wins, ties)
    has_no_top, has_no_bottom = _open_ends(wins, ties)
    strengths[is_open[:, None] & has_no_top] = np.inf
    strengths[is_open[:, None] & has_no_bottom] = -np.inf
    tail = (1 - confidence) / 2
    low, high = np.quantile(strengths, (tail, 1 - tail), axis=0, method="inverted_cdf")
    return low, high


def _normal_ends(wins: Floats, ties: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Ends from the curvature of the smoothed likelihood, where resamples are as one-sided as the votes themselves.

    For two arms that is the logit interval with half a vote added: Gart 1966, "Alternative analyses of contingency
    tables", JRSS B 28: 164-179.
    """
    more_wins, _ = _smoothed(wins, ties)
    strengths, nu = _fit(more_wins, ties)
    has_ties, met = ties.sum(axis=(1, 2)) > 0, more_wins + more_wins.swapaxes(1, 2) + ties
    parameters = np.append(strengths, np.log(np.where(has_ties, nu, 1.0))[:, None], axis=1)
    _, information = _slopes(parameters, has_ties, np.zeros_like(parameters), met)
    variance = np.linalg.inv(information[0]).diagonal()[:-1] - 1 / wins.shape[1]  # less what holds the mean
    reach = two_sided_z(confidence) * np.sqrt(variance.clip(0.0))
    has_no_top, has_no_bottom = (ends[0] for ends in _open_ends(wins, ties))
    low, high = strengths[0] - reach, strengths[0] + reach
    return np.where(has_no_bottom, -np.inf, low), np.where(has_no_top, np.inf, high)


def _open_ends(wins: Floats, ties: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Per sample and arm, whether it never lost or tied, and whether it never won or tied, though it met another."""
    beats, beaten = (wins + ties).sum(axis=2) > 0, (wins + ties).sum(axis=1) > 0
    return beats & ~beaten, ~beats & beaten
