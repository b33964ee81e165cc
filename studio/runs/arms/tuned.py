"""What a train run has made, or had made at one of its checkpoints."""

from __future__ import annotations

from studio.runs.arms.arm import AnsweredBy, ArmKind


def _read(argument: str) -> AnsweredBy:
    """``RUN`` or ``RUN:STEP``; a run may be named by anything that has no colon and digits at its end."""
    run, colon, step = argument.rpartition(":")
    if colon and step.isascii() and step.isdecimal():
        return AnsweredBy("tuned", run, int(step))
    return AnsweredBy("tuned", argument)


TUNED = ArmKind(
    "tuned",
    "what a train run made: the comparison's, RUN, or RUN's checkpoint of STEP",
    "[:RUN[:STEP]]",
    answered_by=_read,
)
