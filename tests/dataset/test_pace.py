"""The rate of labelling, against values worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from studio.dataset.pace import decisions_an_hour

START = datetime(2026, 1, 5, 10, 0)


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=one) for one in seconds]


def test_a_decision_every_thirty_seconds_is_120_an_hour() -> None:
    assert decisions_an_hour(at(*range(0, 601, 30))) == 120


def test_a_pause_of_twenty_minutes_makes_nobody_slower() -> None:
    before, after = range(0, 301, 30), range(1500, 1801, 30)
    assert decisions_an_hour(at(*before, *after)) == 120, "it was 60 when the pause counted as work"


def test_two_minutes_are_still_thought_and_a_second_more_is_a_pause() -> None:
    assert decisions_an_hour(at(0, 120, 240)) == 30
    assert decisions_an_hour(at(0, 121, 242)) is None


def test_three_quick_keys_are_no_rate() -> None:
    assert decisions_an_hour(at(0, 1, 2)) is None
    assert decisions_an_hour([]) is None
