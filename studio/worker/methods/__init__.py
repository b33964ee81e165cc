"""How a model is tuned: one file a method, named as in ``runs/methods.py``."""

from __future__ import annotations

import importlib

from studio.runs.methods import method_named
from studio.worker.methods.method import MethodWork


def work_of(name: str) -> MethodWork:
    """How the method of that name works. Raises AskedWrongly where there is none."""
    work: MethodWork = importlib.import_module(f"{__name__}.{method_named(name).name}").METHOD
    return work
