"""The Python that runs the studio, for processes of its own: the same modules, and none from the folder one stands in.

``carried_out`` hands one of them a piece of work that needs torch, hears how far it is, and ends it with whoever asked.

``python -m`` puts the working directory before everything else, and the studio is started in project folders, which are
handed around: a ``json.py`` in one of them would be run in place of Python's own.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import studio
from studio.errors import StudioError

# Told how far it is, as a share 0..1 of the whole, and what is being done.
OnPart = Callable[[float, str], None]

LOOK_EVERY_SECONDS = 0.1

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


def carried_out(
    module: str,
    request: Mapping[str, Any],
    on_part: OnPart,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """What ``module``, a process of its own, answers to the request; None when cancelled, and the process ended.

    It reads one JSON object and says JSON lines (``worker/asked.py``). Raises the StudioError that it says, or one with
    its last words where it ended without an answer. Seconds to minutes: call it in a thread.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            python_module(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=child_environment(),
            start_new_session=True,  # ctrl+c in the terminal is for the studio, which ends it
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            with suppress(BrokenPipeError), process.stdin:  # it has ended: said below
                process.stdin.write(json.dumps(dict(request)))
            said: queue.Queue[str | None] = queue.Queue()
            threading.Thread(target=_hear, args=(process.stdout, said), name=module, daemon=True).start()
            while not is_cancelled():
                with suppress(queue.Empty):
                    line = said.get(timeout=LOOK_EVERY_SECONDS)
                    if line is None:
                        raise StudioError(f"{module} ended without an answer.", _last_words(process, errors))
                    if (answer := _answer_in(json.loads(line), on_part)) is not None:
                        return answer
            return None
        finally:
            process.kill()  # nothing of it is wanted any more; what it was filling is the asker's to remove


def _hear(stream: TextIO, said: queue.Queue[str | None]) -> None:
    for line in stream:
        said.put(line)
    said.put(None)


def _answer_in(line: dict[str, Any], on_part: OnPart) -> dict[str, Any] | None:
    if "error" in line:
        raise StudioError(line["error"]["message"], line["error"]["hint"])
    if "progress" in line:
        on_part(line["progress"], line["message"])
    answer: dict[str, Any] | None = line.get("answer")
    return answer


def _last_words(process: subprocess.Popen[str], errors: TextIO) -> str:
    code = process.wait()
    errors.seek(0)
    last = errors.read().strip().splitlines()[-1:]
    return last[0] if last else f"Its exit code was {code}; 137 or -9 is a lack of memory."
