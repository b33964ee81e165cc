"""A piece of work that the studio asks of a process of its own: one JSON object in, JSON lines out.

``{"progress", "message"}`` as it goes on, then ``{"answer"}`` or ``{"error"}``; ``interpreter.carried_out`` reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from studio.errors import StudioError
from studio.worker.memory import is_out_of_memory

Request = dict[str, Any]
# Told how far it is, as a share 0..1 of the whole, and what is being done.
Tell = Callable[[float, str], None]


def main(act: Callable[[Request, Tell], Request]) -> int:
    """Read the request, let ``act`` answer it, say so; the exit code. What libraries print goes to stderr."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as out:

        def say(**facts: Any) -> None:
            out.write(json.dumps(facts) + "\n")
            out.flush()

        with contextlib.redirect_stdout(sys.stderr):
            try:
                say(answer=act(json.load(sys.stdin), lambda part, message: say(progress=part, message=message)))
                return 0
            except StudioError as error:
                say(error={"message": error.message, "hint": error.hint})
            except Exception as error:  # the asker has to hear of it, whatever it is
                traceback.print_exc()
                say(error=_explained(error))
    return 1


def _explained(error: Exception) -> dict[str, str]:
    if is_out_of_memory(error):
        return {"message": "there is not enough memory.", "hint": "End other programs that hold memory."}
    return {"message": f"{type(error).__name__}: {error}", "hint": ""}
