"""The question alone."""

from __future__ import annotations

from studio.runs.arms.arm import ArmKind

ZERO_SHOT = ArmKind("zero_shot", "the model, asked as it is")
