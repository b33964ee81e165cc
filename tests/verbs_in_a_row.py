"""A process that runs one verb after another in its terminal: ``python -m tests.verbs_in_a_row FILE``.

FILE holds JSON: a list of command lines, each a list of words. A line that says which comes next parts their words.
Nothing is fetched, and no model answers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import studio.acts.trying
import studio.models.fetching
from studio.__main__ import main
from studio.errors import StudioError
from tests.hostile import NAME, STEERING

PARTED = "@@@"


def get_no_model(name: str, progress: Callable[[float, str], None]) -> Path:
    progress(0.5, f"downloading {NAME}")
    raise StudioError(f"{name} cannot be had: {NAME}", f"Look at {NAME}")


class AnsweredAtOnce:
    def __init__(self, on_reply: Callable[[dict[str, Any]], None]) -> None:
        self._on_reply = on_reply

    def ask(self, *question: Any) -> None:
        for text in STEERING:
            self._on_reply({"arm": "zero_shot", "text": text})
        self._on_reply({"arm": "zero_shot", "done": True, "tokens": 1, "tokens_per_second": 3.0, "dtype": NAME})

    def close(self) -> None:
        """There is no process to end."""


def run(words: list[str]) -> int:
    sys.argv = ["studio", *words]
    try:
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    except Exception:  # as the interpreter would end with it
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    vars(studio.models.fetching)["get_model"] = get_no_model
    vars(studio.acts.trying)["Answerer"] = AnsweredAtOnce
    for number, words in enumerate(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))):
        os.write(1, f"\n{PARTED}{number}\n".encode())
        code = run(words)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, f"\n{PARTED}={code}\n".encode())
