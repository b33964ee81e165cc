"""``python -m studio.worker.trying``: the process behind Try. JSON lines in, streamed pieces of answers out.

Reads ``{"id", "dtype", "max_new_tokens", "temperature", "top_p", "seed", "arms"}``, an arm being ``{"arm", "answering",
"messages"}``; a newer request, or ``{"cancel": true}``, ends the one under way. Ends with its standard input.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import traceback
from typing import Any

from studio.errors import StudioError
from studio.worker.trying.arms import Arms

Request = dict[str, Any]

_saying = threading.Lock()


def main() -> int:
    requests: queue.Queue[Request | None] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), name="requests", daemon=True).start()
    say(ready=True)
    arms = Arms()
    while (request := _newest(requests)) is not None:
        if request.get("cancel"):
            continue
        try:
            for reply in arms.answer(request):
                say(id=request["id"], **reply)
                if not requests.empty():
                    break
        except StudioError as error:
            say(id=request.get("id"), error={"message": error.message, "hint": error.hint})
        except Exception as error:  # the next question may still be answered
            traceback.print_exc()
            say(id=request.get("id"), error={"message": f"{type(error).__name__}: {error}", "hint": ""})
    return 0


def say(**facts: Any) -> None:
    """One reply, one whole line, whichever thread says it."""
    with _saying:
        print(json.dumps(facts), flush=True)


def _read(requests: queue.Queue[Request | None]) -> None:
    for line in sys.stdin:
        try:
            request = json.loads(line)
        except ValueError:
            say(error={"message": "a request is not JSON.", "hint": ""})
            continue
        requests.put(request)
    requests.put(None)


def _newest(requests: queue.Queue[Request | None]) -> Request | None:
    """Wait for a request and pass over all but the last; None once standard input has ended."""
    request = requests.get()
    while request is not None and not requests.empty():
        request = requests.get()
    return request


if __name__ == "__main__":
    sys.exit(main())
