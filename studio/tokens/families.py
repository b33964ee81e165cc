"""The families of models: what everybody may know of each. ``worker/families`` has a file of its name.

The facts stand apart from the work because screens and verbs need the former and must never load torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import AskedWrongly, StudioError
from studio.tokens.layout import Layout, Model
from studio.tokens.one_sequence import OneSequence
from studio.tokens.source_and_target import SourceAndTarget

Config = Mapping[str, Any]

# Encoder-decoder models from text to text, by model_type. Others read sound or pictures (Whisper), or need a language
# token at the start of an answer that no row names (mBART, M2M-100).
TEXT_TO_TEXT = ("t5", "mt5", "umt5", "longt5", "bart", "pegasus", "led", "blenderbot", "blenderbot-small")
_T5 = ("t5", "mt5", "umt5", "longt5")


def _no_trouble(config: Config, dtype: str) -> str:
    return ""


def _t5_in_float16(config: Config, dtype: str) -> str:
    if dtype != "float16" or config.get("model_type") not in _T5:
        return ""
    return "T5 was trained in bfloat16, and its activations overflow float16: answers become empty, losses NaN"


@dataclass(frozen=True)
class Family:
    """``name`` is also its module's; ``fits`` looks at a model's config.json; ``layout`` is how its rows are laid out.

    ``dtype_trouble`` says why a model (its config.json) cannot be computed in a dtype; empty where it can.
    """

    name: str
    about: str
    fits: Callable[[Config], bool]
    layout: Layout = OneSequence()  # noqa: RUF009 - it has no state
    dtype_trouble: Callable[[Config, str], str] = _no_trouble


FAMILIES: tuple[Family, ...] = (
    Family(
        "encoder_decoder",
        "encoder-decoder language models: prompt and completion are two sequences",
        fits=lambda config: bool(config.get("is_encoder_decoder")) and config.get("model_type") in TEXT_TO_TEXT,
        layout=SourceAndTarget(),
        dtype_trouble=_t5_in_float16,
    ),
    Family(
        "causal",
        "decoder-only language models: prompt and completion are one sequence",
        fits=lambda config: not config.get("is_encoder_decoder"),
    ),
)


def family_of(folder: Model) -> Family:
    """The family of a model. Raises StudioError where none fits."""
    for family in FAMILIES:
        if family.fits(folder.config):
            return family
    kind = "encoder-decoder models of type " if folder.config.get("is_encoder_decoder") else ""
    raise StudioError(f"{folder.path}: {kind}{folder.architecture} cannot be used here.", f"Known: {_known()}.")


def refuse_dtype(folder: Model, dtype: str) -> None:
    """Raise AskedWrongly, with the reason, where the model cannot be computed in ``dtype``."""
    if trouble := family_of(folder).dtype_trouble(folder.config, dtype):
        raise AskedWrongly(f"dtype={dtype}: {trouble}.", "Use dtype=auto, bfloat16 or float32.")


def _known() -> str:
    return "; ".join(f"{family.name} ({family.about})" for family in FAMILIES)
