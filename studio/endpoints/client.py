"""Asking a server for an answer: chat or plain completions, streamed, tried again where that may help."""

from __future__ import annotations

import email.utils
import http.client
import json
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from studio.endpoints.connection import Connection, Response
from studio.endpoints.settings import Endpoint
from studio.errors import StudioError

# Of these a later try may be answered: too early, too many at once, the server's own trouble.
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 0.5, 60.0
# How long a server that has said why it ended may take to count its tokens and to say that this was all.
USAGE_SECONDS = 2.0
MOST_LINE_BYTES = 1 << 20
MOST_BODY_BYTES = 16 << 20
_SHOWN_CHARS = 300
# Where a server counts no tokens: that many bytes of English are one, of a vocabulary as they are today.
BYTES_PER_TOKEN = 4

Message = Mapping[str, str]


class EndpointError(StudioError):
    """A server gave no answer; ``wait_seconds`` until another try may help, None where it cannot."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class Completion:
    """An answer. Seconds are of the try that was answered; ``ttft_seconds`` is None where it was not streamed.

    ``stop_reason`` is ``stop`` or ``length``; counts of tokens are the server's unless ``is_estimated``.
    """

    text: str
    prompt_tokens: int
    tokens: int
    stop_reason: str
    latency_seconds: float
    ttft_seconds: float | None
    is_estimated: bool


def estimated_tokens(text: str) -> int:
    """About how many tokens a text has, by its bytes."""
    return math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)


class Client:
    """Asks one server, of one thread. ``is_cancelled`` ends waits and tries."""

    def __init__(self, endpoint: Endpoint, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        self._endpoint = endpoint
        self._is_cancelled = is_cancelled
        self._connection = Connection(endpoint.url, endpoint.timeout_seconds)
        self._streams_with_usage = True

    def close(self) -> None:
        """End what is under way, from any thread."""
        self._connection.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def answer(
        self,
        messages: Sequence[Message],
        max_new_tokens: int,
        *,
        retries: int | None = None,
        on_piece: Callable[[str], None] = lambda piece: None,
        settings: Mapping[str, Any] | None = None,
    ) -> Completion:
        """The answer, its pieces to ``on_piece`` as they come (anew, where a try failed within it).

        Raises EndpointError with what went wrong the last time, AskedWrongly where the key is not set.
        """
        tries = (self._endpoint.retries if retries is None else retries) + 1
        for number in range(tries):
            try:
                return self._try(messages, max_new_tokens, on_piece, settings or {})
            except EndpointError as error:
                if error.wait_seconds is None or number == tries - 1 or self._is_cancelled():
                    times = f" ({number + 1} tries)" if number else ""
                    raise EndpointError(f"{error.message.rstrip('.')}{times}.", error.wait_seconds) from error
                self._wait(max(error.wait_seconds, _backoff(number)))
        raise AssertionError("there is at least one try")

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._is_cancelled():
            threading.Event().wait(min(left, 0.1))

    def _try(
        self,
        messages: Sequence[Message],
        max_new_tokens: int,
        on_piece: Callable[[str], None],
        settings: Mapping[str, Any],
    ) -> Completion:
        key = self._endpoint.key()
        body = self._body(messages, max_new_tokens, settings)
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        path = "/chat/completions" if self._endpoint.style == "chat" else "/completions"
        started = time.perf_counter()
        try:
            with self._connection.post(path, json.dumps(body).encode(), headers) as response:
                if response.status != 200:
                    raise self._refused(response, key)
                heard = _heard(response, started, on_piece, self._connection.hurry)
        except TimeoutError as error:
            raise EndpointError(f"{self._endpoint.url}: {error or 'no answer in time'}.", 0.0) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EndpointError(f"{self._endpoint.url}: {_why(error)}.", _wait_after(error)) from error
        return heard.completion(messages, time.perf_counter() - started, max_new_tokens)

    def _body(self, messages: Sequence[Message], max_new_tokens: int, settings: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._endpoint.model, "temperature": 0, "stream": True}
        body[self._endpoint.limit_field] = max_new_tokens
        if self._endpoint.style == "chat":
            body["messages"] = list(messages)
        else:
            body["prompt"] = plain_prompt(messages)
        if self._streams_with_usage:
            body["stream_options"] = {"include_usage": True}
        return {**body, **settings, **self._endpoint.extra}

    def _refused(self, response: Response, key: str) -> EndpointError:
        said = response.read(MOST_LINE_BYTES).decode(errors="replace")
        if response.status == 400 and "stream_options" in said and self._streams_with_usage:
            self._streams_with_usage = False
            return EndpointError(f"{self._endpoint.url}: it knows no stream_options.", 0.0)
        shown = " ".join((said.replace(key, "…") if key else said).split())[:_SHOWN_CHARS]
        why = {401: " (is the key right?)", 403: " (is the key right?)", 404: " (are url and model right?)"}
        message = (
            f"{self._endpoint.url}: answered {response.status}{why.get(response.status, '')}: {shown or 'nothing'}"
        )
        wait = _retry_after(response.headers.get("Retry-After", "")) if response.status in RETRIED else None
        if wait is not None and wait > MOST_WAIT_SECONDS:
            return EndpointError(f"{message} (again in {wait:.0f} s, longer than is waited)")
        return EndpointError(message, wait)


@dataclass
class _Heard:
    """What was said so far."""

    text: str = ""
    pieces: int = 0
    finish: str = ""
    usage: Mapping[str, Any] | None = None
    ttft_seconds: float | None = None

    def completion(self, messages: Sequence[Message], seconds: float, limit: int) -> Completion:
        counted = self.usage or {}
        given, said = counted.get("prompt_tokens"), counted.get("completion_tokens")
        is_counted = _is_count(given) and _is_count(said)
        about = max(self.pieces if self.ttft_seconds is not None else 0, estimated_tokens(self.text))
        tokens = int(said) if is_counted and said is not None else about
        asked = int(given) if is_counted and given is not None else estimated_tokens(plain_prompt(messages))
        is_cut = self.finish == "length" or (not self.finish and tokens >= limit)
        return Completion(
            self.text, asked, tokens, "length" if is_cut else "stop", seconds, self.ttft_seconds, not is_counted
        )


def plain_prompt(messages: Sequence[Message]) -> str:
    """A conversation for a server that only completes text: the instruction format of Stanford Alpaca."""
    parts = {"user": "### Instruction:\n{}\n\n### Response:\n", "assistant": "{}\n\n", "system": "{}\n\n"}
    return "".join(parts.get(message["role"], "{}\n\n").format(message["content"]) for message in messages)


def _heard(
    response: Response, started: float, on_piece: Callable[[str], None], hurry: Callable[[float], None]
) -> _Heard:
    """Raises ValueError for an answer that is none, http.client.IncompleteRead for half of one.

    ``hurry`` ends the stream after so many seconds, though the server keeps it open.
    """
    kind = response.headers.get_content_type()
    if kind == "application/json":
        return _heard_at_once(response, on_piece)
    if kind != "text/event-stream":
        raise ValueError(f"it answers {kind} and not JSON: is the url right?")
    heard = _Heard()
    try:
        for data in _events(response):
            if data == b"[DONE]":
                return heard
            was_finished, before = heard.finish, len(heard.text)
            _take(heard, _object(data))
            if piece := heard.text[before:]:
                heard.ttft_seconds = heard.ttft_seconds or time.perf_counter() - started
                heard.pieces += 1
                on_piece(piece)
            if heard.finish and not was_finished:
                hurry(USAGE_SECONDS)
    except (OSError, http.client.HTTPException):
        if not heard.finish:
            raise
    if not (heard.finish or response.chunked):  # only a chunked body says itself that it is whole
        raise http.client.IncompleteRead(heard.text.encode(errors="replace"))
    return heard


def _heard_at_once(response: Response, on_piece: Callable[[str], None]) -> _Heard:
    content = response.read(MOST_BODY_BYTES)
    if response.length:  # what is still missing of it
        raise http.client.IncompleteRead(content, response.length)
    heard = _Heard()
    _take(heard, _object(content))
    on_piece(heard.text)
    return heard


def _events(response: Response) -> Iterator[bytes]:
    """The data of server-sent events, a line each, as every such server sends them."""
    begun = b""
    while received := response.read1(MOST_LINE_BYTES):  # unlike readline, this says where a chunk is missing
        *lines, begun = (begun + received).split(b"\n")
        if len(begun) >= MOST_LINE_BYTES:
            raise ValueError("a line of its answer never ends")
        yield from (line[len(b"data:") :].strip() for line in lines if line.startswith(b"data:"))
    if begun.startswith(b"data:"):
        yield begun[len(b"data:") :].strip()


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError(f"it answers what is no JSON: {content[:80]!r}") from None
    if not isinstance(found, dict):
        raise ValueError(f"it answers no object but {content[:80]!r}")
    if "error" in found and not found.get("choices"):
        raise ValueError(f"it answers an error: {str(found['error'])[:_SHOWN_CHARS]}")
    return found


def _take(heard: _Heard, facts: Mapping[str, Any]) -> None:
    """Add what one object says: a piece (``delta``), a whole message, or plain text; fields unknown are passed over."""
    if isinstance(usage := facts.get("usage"), dict):
        heard.usage = usage
    choices = facts.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    said = choice.get("delta") or choice.get("message") or choice
    piece = said.get("content", said.get("text")) if isinstance(said, dict) else None
    heard.text += piece if isinstance(piece, str) else ""
    if isinstance(finish := choice.get("finish_reason"), str):
        heard.finish = finish
    if not choice and heard.usage is None and "choices" not in facts:
        raise ValueError("its answer has no choices")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _why(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "its answer broke off"
    if isinstance(error, ConnectionRefusedError):
        return "it refuses the connection: is the server running?"
    return str(error) or type(error).__name__


def _wait_after(error: Exception) -> float | None:
    """What is no JSON today is none tomorrow; a connection may hold."""
    return None if isinstance(error, ValueError) else 0.0


def _backoff(number: int) -> float:
    """Seconds before try ``number`` + 2: twice as long each time, with full jitter (Brooker 2015, for AWS)."""
    return random.uniform(0, min(MOST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (number + 1)))


def _retry_after(text: str) -> float:
    """Seconds of a Retry-After header: a number, or a date (RFC 9110, 10.2.3); 0 without one."""
    if text.strip().isdecimal():
        return float(text)
    parsed = email.utils.parsedate_tz(text)
    return max(0.0, email.utils.mktime_tz(parsed) - time.time()) if parsed else 0.0
