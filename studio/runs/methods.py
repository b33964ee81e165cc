"""How a model can be tuned: what everybody may know of each method. ``worker/methods`` has a file of its name.

The facts stand apart from the work because screens and verbs need the former and must never load torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.errors import AskedWrongly


@dataclass(frozen=True)
class Method:
    """``name`` is also its module's. ``leaves``: an adapter beside its base model, or a whole model.

    ``has_virtual_tokens``: it puts learned tokens before every row, in training and in answering.
    """

    name: str
    about: str
    usual_learning_rate: float
    leaves: Literal["adapter", "model"]
    has_virtual_tokens: bool = False


METHODS: tuple[Method, ...] = (
    Method("lora", "trains a small adapter", usual_learning_rate=1e-3, leaves="adapter"),
    Method("full", "trains every weight", usual_learning_rate=5e-5, leaves="model"),
    Method("ia3", "trains a scale for some features", usual_learning_rate=1e-2, leaves="adapter"),
    Method(
        "prompt_tuning",
        "trains virtual tokens before every prompt",
        usual_learning_rate=3e-2,
        leaves="adapter",
        has_virtual_tokens=True,
    ),
)


def method_named(name: str) -> Method:
    """The method of that name. Raises AskedWrongly where there is none."""
    for method in METHODS:
        if method.name == name:
            return method
    raise AskedWrongly(f"method={name} is not known.", f"Choose one of: {', '.join(one.name for one in METHODS)}.")


def described() -> str:
    """All methods in a sentence: ``lora trains a small adapter; full trains every weight``."""
    return "; ".join(f"{method.name} {method.about}" for method in METHODS)


def usual_learning_rates() -> str:
    """``1e-3 lora, 5e-5 full``."""
    return ", ".join(f"{_short(method.usual_learning_rate)} {method.name}" for method in METHODS)


def _short(rate: float) -> str:
    digits, _, exponent = f"{rate:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"
