"""What is asked on Try beside the prompt: which arms answer, and how they choose their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from studio.errors import AskedWrongly
from studio.runs import arms
from studio.runs.arms import arm_from
from studio.runs.arms.arm import Arm
from studio.runs.settings import Spec, about, at_least

MOST_ARMS = 4


@dataclass(frozen=True)
class TrySettings(Spec):
    """The settings of Try: a spec without a run, so that forms and ``--set`` read it as they read others."""

    kind: ClassVar[str] = "try"

    run_id: str = about("The train run of the arm tuned; empty for none.", default="")
    arms: tuple[str, ...] = about(f"{arms.usage()}; at most {MOST_ARMS}.", default=("zero_shot", "tuned"))
    task: str = about("Examples and passages are of this task; empty takes all.", default="")
    system: str = about("A system message.", default="")
    temperature: float = about("0 answers greedily; higher is more by chance.", default=0.0)
    top_p: float = about("Only the likeliest words that hold this probability together, above 0 up to 1.", default=1.0)
    seed: int = about("Seed of the chance, and of the choice of examples.", default=0)
    max_new_tokens: int = about("An answer is cut after this many tokens.", default=256)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("max_new_tokens", self.max_new_tokens, 1)
        at_least("temperature", self.temperature, 0)
        if not 0 < self.top_p <= 1:
            raise AskedWrongly(f"top_p={self.top_p:g} holds no words.", "Use a number above 0, up to 1.")
        if not 1 <= len(set(self.arms)) <= MOST_ARMS or len(set(self.arms)) != len(self.arms):
            raise AskedWrongly(
                f"arms={','.join(self.arms)}: one to {MOST_ARMS} arms answer, each once.", "As zero_shot,tuned"
            )
        for arm in self.parsed_arms:
            if arm.is_tuned and not (arm.by.name or self.run_id):
                raise AskedWrongly(f"the arm {arm.text!r} needs a run.", "Set run_id, or name it: tuned:RUN.")

    @property
    def parsed_arms(self) -> list[Arm]:
        """``arms`` in their order. Raises AskedWrongly for an unknown one."""
        return [arm_from(text) for text in self.arms]
