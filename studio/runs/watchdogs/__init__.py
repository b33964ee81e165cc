"""Watchdogs: what may go wrong with a run while nobody looks. Pure logic over its steps; ``WATCHDOGS`` has them all."""

from __future__ import annotations

from collections.abc import Sequence

from studio.errors import AskedWrongly
from studio.files import in_short
from studio.runs.watchdogs.disk import Disk
from studio.runs.watchdogs.divergence import Divergence
from studio.runs.watchdogs.non_finite import NonFinite
from studio.runs.watchdogs.overfitting import Overfitting
from studio.runs.watchdogs.plateau import Plateau
from studio.runs.watchdogs.stall import Stall
from studio.runs.watchdogs.throughput import Throughput
from studio.runs.watchdogs.watchdog import Action, Watchdog

WATCHDOGS: tuple[type[Watchdog], ...] = (NonFinite, Divergence, Plateau, Overfitting, Stall, Throughput, Disk)


def actions_from(texts: Sequence[str]) -> dict[str, Action]:
    """Watchdog → what is done when it barks, of settings ``NAME=ACTION``; the others do what they usually do.

    Raises AskedWrongly for an unknown watchdog or action.
    """
    actions = {watchdog.NAME: watchdog.USUAL for watchdog in WATCHDOGS}
    for text in texts:
        name, _, action = (part.strip() for part in text.partition("="))
        if name not in actions:
            raise AskedWrongly(f"watchdogs has {in_short(text)}.", f"Each is NAME=ACTION; names: {', '.join(actions)}.")
        if action not in list(Action):
            raise AskedWrongly(f"watchdogs has {in_short(text)}.", f"Actions: {', '.join(Action)}.")
        actions[name] = Action(action)
    return actions


def usage() -> str:
    """What the setting takes, in a sentence."""
    names = ", ".join(watchdog.NAME for watchdog in WATCHDOGS)
    return f"What is done when something is wrong, NAME={'|'.join(Action)}, of {names}"
