"""A GPU where one is found: what differs there is decided here, and every other file may believe in a CPU."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Mapping
from typing import Any

import torch


def has_gpu() -> bool:
    """Whether runs compute on a CUDA GPU."""
    return torch.cuda.is_available()


def device() -> torch.device:
    """Where models are put."""
    return torch.device("cuda" if has_gpu() else "cpu")


def described() -> str:
    """What computes, for whoever remembers how fast it was."""
    return torch.cuda.get_device_name() if has_gpu() else torch.backends.cpu.get_cpu_capability()


def gpu_dtypes() -> list[str]:
    """What is worth computing in on the GPU."""
    return ["bfloat16"] if torch.cuda.is_bf16_supported() else ["float32"]


def random_state() -> dict[str, Any]:
    """The state of every generator that a run draws from."""
    return {"random": torch.get_rng_state(), "random_of_gpu": torch.cuda.get_rng_state() if has_gpu() else None}


def set_random_state(state: Mapping[str, Any]) -> None:
    """Go on where ``random_state`` was taken; a GPU that was not there then keeps its own."""
    torch.set_rng_state(state["random"])
    if has_gpu() and state.get("random_of_gpu") is not None:
        torch.cuda.set_rng_state(state["random_of_gpu"])


def give_back_memory() -> None:
    """What nobody uses any more, for what is tried next."""
    gc.collect()
    if has_gpu():
        torch.cuda.empty_cache()


def peak_memory_bytes() -> int:
    """The most memory this process ever held, of the GPU where it computes there."""
    if has_gpu():
        return torch.cuda.max_memory_reserved()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
