"""The base model, asked as it is."""

from __future__ import annotations

from studio.runs.arms.arm import ArmKind

ZERO_SHOT = ArmKind("zero_shot", "the base model, asked as it is", answered_by="base")
