"""The families of models: what everybody may know of each. ``worker/families`` has a file of its name.

The facts stand apart from the work because screens and verbs need the former and must never load torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import StudioError
from studio.tokens.tokenizer import ModelFolder


@dataclass(frozen=True)
class Family:
    """``name`` is also its module's; ``fits`` looks at a model's config.json."""

    name: str
    about: str
    fits: Callable[[Mapping[str, Any]], bool]


FAMILIES: tuple[Family, ...] = (
    Family(
        "causal",
        "decoder-only language models: prompt and completion are one sequence",
        fits=lambda config: not config.get("is_encoder_decoder"),
    ),
)


def family_of(folder: ModelFolder) -> Family:
    """The family of a model. Raises StudioError where none fits."""
    for family in FAMILIES:
        if family.fits(folder.config):
            return family
    kind = "encoder-decoder models are" if folder.config.get("is_encoder_decoder") else f"{folder.architecture} is"
    raise StudioError(f"{folder.path}: {kind} not supported yet.", f"Known: {_known()}.")


def _known() -> str:
    return "; ".join(f"{family.name} ({family.about})" for family in FAMILIES)
