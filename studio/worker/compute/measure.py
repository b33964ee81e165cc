"""Which dtype, thread count and micro-batch size are fastest here: measured, because no rule of thumb holds.

On a CPU without bfloat16 instructions a bfloat16 matrix multiply can be fifty times slower than float32, on one with
them several times faster. A screen of single matrix multiplies costs milliseconds and keeps the slow kind from ever
being tried on the model.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch

from studio.errors import StudioError
from studio.files import write_whole
from studio.project import cache_path
from studio.worker.compute import devices

BUDGET_SECONDS = 6.0
# A dtype whose bare matrix multiplies are slower than the best by this factor is not tried on the model.
SCREEN_FACTOR = 1.5
SCREEN_TOKENS = 64
USUAL_WIDTH = 512
# Of how runs compute: what was measured under another may not be the fastest any more.
REVISION = 2


@dataclass(frozen=True)
class Choice:
    """How a run computes. Recorded in its ``plan`` event and used again at every resume.

    ``lanes`` micro-batches are computed side by side, each by its share of ``threads``. ``recomputes``: activations are
    computed again in the backward pass.
    """

    dtype: str
    threads: int
    micro_batch_size: int = 1
    lanes: int = 1
    recomputes: bool = False


def thread_counts() -> list[int]:
    """Thread counts worth trying: the cores this process may use, and with two threads a core also all of them."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = min(psutil.cpu_count(logical=False) or allowed, allowed)
    return sorted({physical, allowed})


def promising_dtypes(width: int, dtypes: Sequence[str], *, with_backward: bool) -> list[str]:
    """``dtypes`` whose matrix multiplies at hidden size ``width`` are near the fastest, the fastest first."""
    if devices.has_gpu():
        return devices.gpu_dtypes()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would measure how busy the machine is
    seconds = {name: _multiply_seconds(width, getattr(torch, name), with_backward) for name in dtypes}
    torch.set_num_threads(threads)
    best = min(seconds.values())
    return sorted((name for name in dtypes if seconds[name] <= SCREEN_FACTOR * best), key=lambda name: seconds[name])


def timed(act: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def remembered(purpose: str, model: Path) -> Choice | None:
    """What was measured before for this purpose, model and machine."""
    try:
        facts = json.loads(_memory_path().read_text(encoding="utf-8"))[_key(purpose, model)]
        return Choice(**facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never measured here, or written by another version: measuring again costs seconds


def remember(purpose: str, model: Path, choice: Choice) -> None:
    """Keep a measured choice for the next run. A cache that cannot be written only costs the next run seconds."""
    path = _memory_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        write_whole(path, json.dumps({**known, _key(purpose, model): asdict(choice)}, indent=1))
    except (OSError, ValueError) as error:
        print(f"{path}: the measurement is not kept: {error}")


def check_dtype(dtype: str) -> None:
    """Raise StudioError for a dtype that cannot train."""
    if dtype == "float16":
        raise StudioError(
            "dtype=float16 cannot be trained here: its gradients underflow to 0 or overflow to NaN.",
            "Use --set dtype=auto, float32 or bfloat16.",
        )


def _multiply_seconds(width: int, dtype: torch.dtype, with_backward: bool) -> float:
    inputs, weight = torch.ones(SCREEN_TOKENS, width, dtype=dtype), torch.ones(width, width, dtype=dtype)

    def multiply() -> None:
        result = inputs @ weight.T
        if with_backward:
            result @ weight

    multiply()
    return min(timed(multiply) for _ in range(3))


def _memory_path() -> Path:
    return cache_path() / "measured.json"


def _key(purpose: str, model: Path) -> str:
    config = (model / "config.json").read_bytes()
    machine = f"{platform.node()}|{platform.processor()}|{devices.described()}|{thread_counts()}"
    return f"{purpose}-{REVISION}-{hashlib.sha256(config + f'{machine}|{torch.__version__}'.encode()).hexdigest()[:16]}"
