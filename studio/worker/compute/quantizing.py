"""A base model held in 8 or 4 bits while an adapter learns beside it (QLoRA, arXiv:2305.14314), by bitsandbytes.

It needs an NVIDIA GPU. Nobody has run it for this studio yet: what is tested is that it is refused where it cannot be.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from studio.errors import StudioError


def quantization(quantize: str, dtype: torch.dtype) -> Any:
    """How transformers is to load a base model whose products are in ``dtype``; None for ``none``.

    Raises StudioError where there is no CUDA device, or no bitsandbytes.
    """
    if quantize == "none":
        return None
    if not torch.cuda.is_available():
        raise StudioError(f"quantize={quantize} needs an NVIDIA GPU, and there is none here.", "Set quantize=none.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise StudioError(
            f"quantize={quantize} needs bitsandbytes, which is not installed.",
            "pip install bitsandbytes, or set quantize=none.",
        )
    if quantize == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
