"""A real HTTP server on this machine that answers, or fails, as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from studio.endpoints.settings import Endpoint

Act = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Keeps what it was asked; ``act`` of the server answers."""

    protocol_version = "HTTP/1.1"
    server: Server
    asked: dict[str, Any]

    def do_POST(self) -> None:
        self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append(self.asked)
            self.server.headers.append(dict(self.headers))
            self.server.paths.append(self.path)
            number = len(self.server.asked) - 1
        acts = self.server.acts
        acts[min(number, len(acts) - 1)](self)

    def say(self, status: int, kind: str, body: str | bytes, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: str) -> None:
        content = text.encode()
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is its own."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, acts: list[Act]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts = acts
        self.lock = threading.Lock()
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

    def endpoint(self, **facts: Any) -> Endpoint:
        fixed: dict[str, Any] = {"timeout_seconds": 5.0, "retries": 2, "concurrency": 2}
        return Endpoint(f"http://127.0.0.1:{self.server_port}/v1", "tiny", **{**fixed, **facts})

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def serving(*acts: Act) -> Iterator[Server]:
    """A server whose n-th request is answered by the n-th act, later ones by the last."""
    server = Server(list(acts))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def echo(handler: Handler) -> None:
    """As OpenAI's server streams: pieces, a reason, a count, [DONE]. It says the question's last word."""
    said = (handler.asked.get("messages") or [{"content": handler.asked.get("prompt", "")}])[-1]["content"].split()[-1]
    handler.begin_stream()
    for piece in ("it is ", said):
        handler.chunk(f"data: {json.dumps({'choices': [{'delta': {'content': piece}, 'finish_reason': None}]})}\n\n")
    handler.chunk(f"data: {json.dumps({'choices': [{'delta': {}, 'finish_reason': 'stop'}]})}\n\n")
    usage = {"prompt_tokens": 11, "completion_tokens": 3}
    handler.chunk(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\ndata: [DONE]\n\n")
    handler.chunk("")


def whole(text: str = "it is blue", **facts: Any) -> Act:
    """One JSON object, not streamed."""
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], **facts}
    return lambda handler: handler.say(200, "application/json", json.dumps(body))


def status(code: int, body: str = "trouble", **headers: str) -> Act:
    return lambda handler: handler.say(code, "text/plain", body, **headers)
