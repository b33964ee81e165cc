"""The Python that runs the studio, for processes of its own: the same modules, and none from the folder one stands in.

``python -m`` puts the working directory before everything else, and the studio is started in project folders, which are
handed around: a ``json.py`` in one of them would be run in place of Python's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import studio

_INSTALLED = {"site-packages", "dist-packages"}


def python_module(module: str) -> list[str]:
    """The command that runs ``module``; what it imports comes from where this process has it from."""
    return [sys.executable, "-P", "-m", module]


def child_environment() -> dict[str, str]:
    """This process's environment, with the studio's own place in it where it is not installed, as in a checkout."""
    root = Path(studio.__file__).resolve().parents[1]
    if _INSTALLED & set(root.parts):
        return dict(os.environ)
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
