"""A train run's model, asked as it is."""

from __future__ import annotations

from studio.runs.arms.arm import ArmKind

TUNED = ArmKind("tuned", "a train run's model, asked as it is", answered_by="tuned")
