"""Another model of this machine."""

from __future__ import annotations

from studio.runs.arms.arm import AnsweredBy, ArmKind

MODEL = ArmKind("model", "another local model", ":NAME", answered_by=lambda name: AnsweredBy("model", name))
