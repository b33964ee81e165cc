"""The process in which a project's own scorer runs: ``python own_process.py FILE FUNCTION``, a line asked, a line said.

It is started by its path and imports the standard library alone. What the function prints goes to the run's log.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Say ``{"ready": true}`` or ``{"error": …}``, then a ``{"score": …}`` or ``{"error": …}`` for each line."""
    said = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    path, name = Path(sys.argv[1]), sys.argv[2]
    try:
        function = _function(path, name)
        takes_prompt = len(inspect.signature(function).parameters) > 2
    except BaseException as error:  # code of the project: whatever it raises is said
        _say(said, {"error": _words(error)})
        return
    _say(said, {"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        given = [asked["prediction"], asked["reference"], *([asked["prompt"]] if takes_prompt else [])]
        try:
            _say(said, {"score": _share(function(*given))})
        except BaseException as error:
            _say(said, {"error": _words(error)})


def _function(path: Path, name: str) -> Callable[..., Any]:
    sys.path.insert(0, str(path.parent))  # its neighbours are its imports
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise ImportError(f"{path.name} has no function {name}")
    return function


def _share(score: Any) -> float:
    value = float(score)
    if not 0 <= value <= 1 or math.isnan(value):
        raise ValueError(f"it gave {score!r}, which is not from 0 to 1")
    return value


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _say(said: TextIO, answer: dict[str, Any]) -> None:
    said.write(json.dumps(answer) + "\n")
    said.flush()


if __name__ == "__main__":
    main()
