"""On what answers were computed: other numbers of threads, processors and packages may give other ones."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import studio

if TYPE_CHECKING:
    from studio.worker.compute.measure import Choice

PACKAGES = ("torch", "transformers", "peft")


def machine_facts(choice: Choice | None) -> dict[str, Any]:
    """For scores.json: the machine and the versions; threads, lanes and the device where a model here answered."""
    facts: dict[str, Any] = {
        "machine": {"cpu": _processor(), "cores": os.cpu_count() or 1, "system": platform.platform()},
        "versions": {"studio": studio.__version__, "python": platform.python_version(), **_versions()},
    }
    if choice is not None:
        from studio.worker.compute import devices

        facts |= {"threads": choice.threads, "lanes": choice.lanes}
        facts["machine"]["device"] = devices.described()
    return facts


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The processor's name as Linux gives it, or else what Python knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
