"""Several arms answering one prompt side by side, each in a thread of its own, so that all columns move. No torch."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from studio.endpoints.client import Client
from studio.endpoints.settings import Endpoint
from studio.errors import StudioError

if TYPE_CHECKING:
    from studio.worker.trying.models import Models

Reply = dict[str, Any]
_ENDED = object()


class Arms:
    """Those of the last request stay ready: the next prompt to the same ones starts at once."""

    def __init__(self) -> None:
        self._models: Models | None = None

    def answer(self, request: Reply) -> Iterator[Reply]:
        """Pieces of all arms as they come, and for each a last reply with its figures, or why it has no answer.

        Raises StudioError where a model cannot be loaded. A caller that goes away ends all of it.
        """
        asked: list[Reply] = request["arms"]
        local = [one for one in asked if not one["answering"]["endpoint"]]
        if local:
            if self._models is None:
                from studio.worker.trying.models import Models

                self._models = Models()
            self._models.load(local, str(request["dtype"]))
        replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        is_over = threading.Event()
        for one in asked:
            stream = _served if one["answering"]["endpoint"] else self._local(len(local))
            threading.Thread(
                target=_run, args=(stream, request, one, replies, is_over), name=one["arm"], daemon=True
            ).start()
        waiting = len(asked)
        try:
            while waiting:
                reply = replies.get()
                waiting -= reply is _ENDED
                if isinstance(reply, BaseException):
                    raise reply
                if reply is not _ENDED:
                    yield reply
        finally:
            is_over.set()

    def _local(self, count: int) -> Callable[[Reply, Reply, threading.Event], Iterator[Reply]]:
        models = self._models
        assert models is not None
        return lambda request, one, is_over: models.stream(request, one, count)


def _run(
    stream: Callable[[Reply, Reply, threading.Event], Iterator[Reply]],
    request: Reply,
    one: Reply,
    replies: queue.SimpleQueue[Any],
    is_over: threading.Event,
) -> None:
    try:
        for reply in stream(request, one, is_over):
            if is_over.is_set():
                return
            replies.put({"arm": one["arm"], **reply})
    except StudioError as error:
        replies.put({"arm": one["arm"], "error": {"message": error.message, "hint": error.hint}})
    except BaseException as error:  # whoever waits for this thread has to know
        replies.put(error)
    finally:
        replies.put(_ENDED)


def _served(request: Reply, one: Reply, is_over: threading.Event) -> Iterator[Reply]:
    """Raises EndpointError where the server gives no answer."""
    endpoint = Endpoint(**one["answering"]["endpoint"])
    pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    answers: list[Any] = []
    sampling = {"temperature": request["temperature"], "top_p": request["top_p"], "seed": request["seed"]}
    client = Client(endpoint, is_over.is_set)

    def ask() -> None:
        try:
            limit = int(request["max_new_tokens"])
            answers.append(client.answer(one["messages"], limit, on_piece=pieces.put, settings=sampling))
        except StudioError as error:
            answers.append(error)
        finally:
            pieces.put(None)

    started = time.perf_counter()
    threading.Thread(target=ask, name=f"{one['arm']} asks", daemon=True).start()
    while (piece := _next(pieces, is_over)) is not None:
        yield {"text": piece}
    client.close()
    if is_over.is_set():
        return
    (answer,) = answers
    if isinstance(answer, StudioError):
        raise answer
    yield {
        "done": True,
        "tokens": answer.tokens,
        "tokens_per_second": answer.tokens / (time.perf_counter() - started),
        "prompt_tokens": answer.prompt_tokens,
        "ttft_seconds": answer.ttft_seconds,
        "stop_reason": answer.stop_reason,
        "cost": endpoint.cost(answer.prompt_tokens, answer.tokens),
    }


def _next(pieces: queue.SimpleQueue[str | None], is_over: threading.Event) -> str | None:
    while not is_over.is_set():
        try:
            return pieces.get(timeout=0.1)
        except queue.Empty:
            continue
    return None
