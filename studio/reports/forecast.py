"""What a run was forecast to take, and how right that was, in words."""

from __future__ import annotations

from studio.reports.numbers import counted, duration, number, size
from studio.runs.events import Forecast
from studio.runs.state import RunState


def forecast_words(state: RunState) -> str:
    """What is known of a run that was not measured yet; empty where nothing was forecast."""
    return "" if state.forecast is None else measured_words(state.forecast)


def measured_words(forecast: Forecast) -> str:
    """``forecast 12 m 00 s (11 m to 13 m), 290 tok/s, 3.3 GB of memory, 177 MB of disk, by 5 measured steps``.

    Where no step told the time, why not, if that is known.
    """
    disk = f"{size(forecast.disk_bytes)} of disk"
    if forecast.seconds is None:
        return f"{forecast.note}; {disk}" if forecast.note else ""
    interval = f"({duration(forecast.least_seconds)} to {duration(forecast.most_seconds)})"
    facts = [
        f"forecast {duration(forecast.seconds)} {interval}",
        f"{number(forecast.tokens_per_second)} tok/s",
        f"{size(forecast.memory_bytes)} of memory",
        disk,
        f"by {counted(forecast.measured_steps, 'measured step')}",
    ]
    return ", ".join(facts)


def outcome_words(state: RunState) -> str:
    """``forecast 12 m 00 s, took 13 m 10 s``, of a run that has done all it was to do; empty for any other."""
    forecast = state.forecast
    if forecast is None or forecast.seconds is None or state.status != "finished" or state.step < state.steps:
        return ""
    words = f"forecast {duration(forecast.seconds)}, took {duration(state.elapsed_seconds)}"
    if forecast.memory_bytes and state.memory_bytes:
        words += f"; {size(forecast.memory_bytes)} of memory, took {size(state.memory_bytes)}"
    return words
