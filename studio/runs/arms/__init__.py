"""The arms of a comparison: ways of letting a model answer the same rows. ``ARMS`` has every kind."""

from __future__ import annotations

from studio.errors import AskedWrongly
from studio.runs.arms.arm import Arm, ArmKind
from studio.runs.arms.few_shot import FEW_SHOT, ONE_SHOT
from studio.runs.arms.tuned import TUNED
from studio.runs.arms.zero_shot import ZERO_SHOT

ARMS: tuple[ArmKind, ...] = (ZERO_SHOT, ONE_SHOT, FEW_SHOT, TUNED)


def arm_from(text: str) -> Arm:
    """The arm that ``text`` names, such as ``few_shot:5``. Raises AskedWrongly for what is none."""
    name, colon, argument = text.partition(":")
    for kind in ARMS:
        if kind.name == name and bool(kind.argument) == bool(colon):
            if not colon:
                return Arm(text, kind, 0)
            if argument.isdecimal() and int(argument) >= 1:
                return Arm(text, kind, int(argument))
    raise AskedWrongly(f"unknown arm {text!r}.", f"Arms: {usage()} (k ≥ 1).")


def usage() -> str:
    """Every kind as it is written: ``zero_shot, one_shot, few_shot:k, tuned``."""
    return ", ".join(kind.usage for kind in ARMS)
