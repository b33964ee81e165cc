"""The process in which templates are rendered that the studio does not know: started when needed, killed when late."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from studio.errors import StudioError
from studio.interpreter import child_environment, python_module
from studio.tokens.rendering import MEMORY_BYTES, READY, Message

# A conversation takes well under a millisecond, on a machine at its limits many times that; a start takes 0.2 s.
ROW_SECONDS, START_SECONDS = 5.0, 30.0
_BATCH_SECONDS_A_ROW = 0.02
# Conversations of one request: enough that the pipe costs nothing, few enough that the answers stay small.
_BATCH_ROWS, _BATCH_CHARS = 256, 4_000_000
_READ_BYTES = 1 << 20


class RenderProcess:
    """Renders for all threads of this process, one request at a time. Starts anew after it was killed."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def render_all(
        self,
        source: str,
        specials: Mapping[str, str],
        conversations: Sequence[Sequence[Message]],
        *,
        add_generation_prompt: bool,
    ) -> list[str]:
        """The text of each conversation. Raises StudioError naming the first that fails, is late or takes too much."""
        texts: list[str] = []
        for batch in _batches(conversations):
            request = {
                "source": source,
                "specials": dict(specials),
                "conversations": batch,
                "add_generation_prompt": add_generation_prompt,
            }
            with self._turn:
                texts += self._render_batch(request, batch)
        return texts

    def render_rows(self, source: str, rows: Sequence[Mapping[str, Any]]) -> list[str | StudioError]:
        """What an instruction template makes of the columns of each row, or why it makes nothing of that one.

        Raises StudioError where the template is late, or takes too much.
        """
        made: list[str | StudioError] = []
        for start in range(0, len(rows), _BATCH_ROWS):
            batch = rows[start : start + _BATCH_ROWS]
            request = {"source": source, "conversations": list(batch), "is_of_rows": True}
            with self._turn:
                made += self._answers(request, len(batch))
        return made

    def _answers(self, request: dict[str, Any], rows: int) -> list[str | StudioError]:
        answers: list[str | StudioError] = []
        try:
            self._send(request)
            deadline = time.monotonic() + ROW_SECONDS + _BATCH_SECONDS_A_ROW * rows
            while len(answers) < rows:
                line = self._line(min(deadline, time.monotonic() + ROW_SECONDS))
                if not line:
                    raise _stopped("the template", line, "Write it another way.")
                answer = json.loads(line)
                answers.append(answer["text"] if "text" in answer else StudioError(answer["message"], answer["hint"]))
        finally:
            if len(answers) < rows:
                self.close()
        return answers

    def close(self) -> None:
        """End the process; a later request starts another."""
        process, self._process, self._unread = self._process, None, b""
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError), process:  # closes the pipes and waits
                pass

    def _render_batch(self, request: dict[str, Any], batch: Sequence[Sequence[Message]]) -> list[str]:
        texts = []
        is_in_step = False
        try:
            self._send(request)
            deadline = time.monotonic() + ROW_SECONDS + _BATCH_SECONDS_A_ROW * len(batch)
            for messages in batch:
                answer = self._answer_to(messages, deadline)
                if "message" in answer:
                    is_in_step = True
                    raise StudioError(f"{answer['message'].rstrip('.')}, in {_named(messages)}.", answer["hint"])
                texts.append(answer["text"])
            is_in_step = True
        finally:
            if not is_in_step:  # late, dead, or this thread was interrupted: the next request must not read old answers
                self.close()
        return texts

    def _send(self, request: dict[str, Any]) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None and self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: said when its answer is missing
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def _start(self) -> None:
        self.close()
        command = python_module("studio.tokens.rendering")
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        try:
            # A session of its own: an interrupt at the terminal is for the studio, which then closes the pipe.
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=null, start_new_session=True, env=child_environment()
            )
        except OSError as error:
            raise StudioError(f"{command[0]} cannot be started: {error.strerror}.") from error
        if self._line(time.monotonic() + START_SECONDS) != READY:
            raise StudioError("The process that renders chat templates does not start.", f"Try: {' '.join(command)}")

    def _answer_to(self, messages: Sequence[Message], deadline: float) -> dict[str, str]:
        line = self._line(min(deadline, time.monotonic() + ROW_SECONDS))
        if line:
            answer: dict[str, str] = json.loads(line)
            return answer
        hint = "Do not use this model, or replace its chat_template."
        raise _stopped("the model's chat template", line, hint, f", in {_named(messages)}")

    def _line(self, deadline: float) -> bytes | None:
        """The next line; empty where the process has ended, None where the deadline (``time.monotonic``) has passed."""
        assert self._process is not None and self._process.stdout is not None
        parts = [self._unread]
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in parts[-1]:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                part = os.read(self._process.stdout.fileno(), _READ_BYTES)
                if not part:
                    return b""
                parts.append(part)
        line, _, self._unread = b"".join(parts).partition(b"\n")
        return line


def _stopped(what: str, line: bytes | None, hint: str, where: str = "") -> StudioError:
    """``line``: None where the clock stopped it, empty where the system ended its process."""
    ended = f"was ended by the system (more than {MEMORY_BYTES >> 20} MB?)"
    return StudioError(f"{what} {'took too long and was stopped' if line is None else ended}{where}.", hint)


def _batches(conversations: Sequence[Sequence[Message]]) -> Iterator[list[list[Message]]]:
    batch: list[list[Message]] = []
    chars = 0
    for messages in conversations:
        batch.append(list(messages))
        chars += sum(len(message["content"]) for message in messages)
        if len(batch) == _BATCH_ROWS or chars > _BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _named(messages: Sequence[Message]) -> str:
    """The row as a person knows it: how its prompt begins."""
    asked = [message["content"] for message in messages if message["role"] == "user"]
    return f"the row {asked[-1][:60]!r}" if asked else "a row without a prompt"


RENDERER = RenderProcess()
atexit.register(RENDERER.close)
