"""Arms that a server answers: some questions one by one, to time them, the rest several at once. No torch."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict

from studio.endpoints.client import Client, Completion
from studio.endpoints.settings import Endpoint
from studio.errors import StudioError
from studio.worker.comparing.predictions import Prediction, prediction_key
from studio.worker.comparing.questions import Question, Questions

# Raised whenever what a server is sent may change: what is kept of an older one is then asked again.
ASKING_REVISION = 1
# After so many failed answers in a row a server is down, and nothing is tried twice any more.
FAILURES_OF_A_SERVER_THAT_IS_DOWN = 5
_POLL_SECONDS = 0.1


class Served:
    """The servers of a comparison. An answer that failed is said with its reason, and the others go on."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._clients = threading.local()
        self._made: list[Client] = []
        self._is_over = threading.Event()
        self._failures = 0

    def key(self, arm: str, question: Question) -> str:
        """Of everything that decides an answer and is known here: the server and model by name, and what it is sent."""
        facts = asdict(self._endpoint(arm))
        deciding = {name: facts[name] for name in ("url", "model", "style", "limit_field", "extra")}
        sent = json.dumps([deciding, question.prompt.messages], sort_keys=True)
        decoding = f"served {ASKING_REVISION} {self._questions.max_new_tokens}"
        return prediction_key(arm, decoding, str(question.row.example_id), sent)

    def answers(
        self, arm: str, timed: Sequence[Question], others: Sequence[Question], is_cancelled: Callable[[], bool]
    ) -> Iterator[tuple[Question, Prediction]]:
        """What predictions.jsonl says of each answer, as they come: ``timed``, one by one, then the ``others``."""
        endpoint = self._endpoint(arm)
        self._is_over.clear()
        self._clients, self._failures = threading.local(), 0
        try:
            for question in timed:
                yield from self._together(endpoint, [question], 1, is_cancelled, is_timed=True)
            yield from self._together(endpoint, others, endpoint.concurrency, is_cancelled, is_timed=False)
        finally:
            self._is_over.set()
            for client in self._made:
                client.close()
            self._made.clear()

    def _together(
        self,
        endpoint: Endpoint,
        questions: Sequence[Question],
        count: int,
        is_cancelled: Callable[[], bool],
        *,
        is_timed: bool,
    ) -> Iterator[tuple[Question, Prediction]]:
        if is_cancelled():
            return
        with ThreadPoolExecutor(count, "endpoint") as pool:
            waiting: set[Future[tuple[Question, Prediction]]] = {
                pool.submit(self._answer, endpoint, question, is_timed) for question in questions
            }
            try:
                while waiting:
                    done, waiting = wait(waiting, _POLL_SECONDS, FIRST_COMPLETED)
                    if is_cancelled():
                        return
                    for future in done:
                        yield future.result()
            finally:
                self._is_over.set() if waiting else None
                for future in waiting:
                    future.cancel()
                for client in list(self._made) if waiting else ():
                    client.close()  # whoever still listens stops at once

    def _answer(self, endpoint: Endpoint, question: Question, is_timed: bool) -> tuple[Question, Prediction]:
        is_down = self._failures >= FAILURES_OF_A_SERVER_THAT_IS_DOWN
        try:
            answer = self._client(endpoint).answer(
                question.prompt.messages, self._questions.max_new_tokens, retries=0 if is_down else None
            )
        except StudioError as error:
            self._failures += 1
            return question, _failed(question, error)
        self._failures = 0
        return question, _facts(endpoint, question, answer, is_timed=is_timed)

    def _client(self, endpoint: Endpoint) -> Client:
        """This thread's own: a connection is kept open between its questions."""
        client: Client | None = getattr(self._clients, "client", None)
        if client is None:
            client = self._clients.client = Client(endpoint, self._is_over.is_set)
            self._made.append(client)
        return client

    def _endpoint(self, arm: str) -> Endpoint:
        endpoint = self._questions.answering[arm].endpoint
        assert endpoint is not None
        return endpoint


def _facts(endpoint: Endpoint, question: Question, answer: Completion, *, is_timed: bool) -> Prediction:
    return {
        "text": answer.text,
        "tokens": answer.tokens,
        "prompt_tokens": answer.prompt_tokens,
        "latency_seconds": answer.latency_seconds if is_timed else None,
        "ttft_seconds": answer.ttft_seconds if is_timed else None,
        "stop_reason": answer.stop_reason,
        "is_cut": answer.stop_reason == "length",
        "cost": endpoint.cost(answer.prompt_tokens, answer.tokens),
        "are_tokens_estimated": answer.is_estimated,
        "error": None,
        "sources": question.prompt.sources,
    }


def _failed(question: Question, error: StudioError) -> Prediction:
    return {
        "text": "",
        "tokens": 0,
        "prompt_tokens": question.prompt_tokens,
        "latency_seconds": None,
        "ttft_seconds": None,
        "stop_reason": "error",
        "is_cut": False,
        "cost": None,
        "error": error.message,
        "sources": question.prompt.sources,
    }
