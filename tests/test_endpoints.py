"""A server that answers, and every way in which one fails: a real one on this machine does what the test says."""

from __future__ import annotations

import json
import socket
import threading
from email.utils import formatdate
from pathlib import Path

import pytest

from studio.endpoints import client as client_module
from studio.endpoints.client import Client, Completion, EndpointError
from studio.endpoints.settings import Endpoint, endpoint_from
from studio.errors import AskedWrongly
from studio.project import Project
from tests.endpoint_server import Handler, Server, echo, serving, status, whole

QUESTION = [{"role": "user", "content": "what is the colour of the sky"}]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_WAIT_SECONDS", 0.001)


def asked(server: Server, **facts: object) -> Completion:
    with Client(server.endpoint(**facts)) as client:
        return client.answer(QUESTION, 8)


def failure(server: Server, **facts: object) -> str:
    with pytest.raises(EndpointError) as failed:
        asked(server, **facts)
    return failed.value.message


def test_an_answer_comes_in_pieces_with_its_counts_and_its_time_to_the_first() -> None:
    with serving(echo) as server:
        pieces: list[str] = []
        with Client(server.endpoint(extra={"seed": 7, "temperature": 0.5})) as client:
            answer = client.answer(QUESTION, 8, on_piece=pieces.append)
            again = client.answer(QUESTION, 8)
    assert pieces == ["it is ", "sky"] and answer.text == again.text == "it is sky"
    assert (answer.prompt_tokens, answer.tokens, answer.stop_reason, answer.is_estimated) == (11, 3, "stop", False)
    assert answer.ttft_seconds is not None and 0 < answer.ttft_seconds <= answer.latency_seconds
    body = server.asked[0]
    assert body["max_tokens"] == 8 and body["model"] == "tiny" and body["stream"] is True
    assert (body["seed"], body["temperature"]) == (7, 0.5), "the extra fields stand over the studio's"
    assert server.paths == ["/v1/chat/completions"] * 2


def test_a_server_that_streams_nothing_answers_too_without_a_time_to_the_first_token() -> None:
    with serving(whole("it is blue", usage={"prompt_tokens": 4, "completion_tokens": 3})) as server:
        answer = asked(server)
    assert (answer.text, answer.tokens, answer.ttft_seconds) == ("it is blue", 3, None)


def test_a_plain_completion_server_gets_one_text() -> None:
    body = {"choices": [{"text": "blue", "finish_reason": "length"}]}
    with serving(lambda handler: handler.say(200, "application/json", json.dumps(body))) as server:
        answer = asked(server, style="completion")
    assert server.paths == ["/v1/completions"] and "messages" not in server.asked[0]
    assert server.asked[0]["prompt"].endswith("what is the colour of the sky\n\n### Response:\n")
    assert (answer.text, answer.stop_reason, answer.is_estimated) == ("blue", "length", True)


def llama_cpp(handler: Handler) -> None:
    """No usage, fields nobody knows, a role first, finish_reason null to the end, a comment line, and no [DONE]."""
    handler.begin_stream()
    handler.chunk(": ping\n\n")
    first = {"choices": [{"delta": {"role": "assistant", "content": None}, "finish_reason": None}], "slot_id": 0}
    handler.chunk(f"data: {json.dumps(first)}\n\n")
    for piece in ("b", "lue"):
        facts = {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}], "timings": {"x": 1}}
        handler.chunk(f"data: {json.dumps(facts)}\r\n\r\n")
    handler.chunk("")


def test_the_quirks_of_llama_cpp_make_no_difference_but_counts_are_estimates() -> None:
    with serving(llama_cpp) as server:
        answer = asked(server)
    assert (answer.text, answer.stop_reason, answer.tokens, answer.is_estimated) == ("blue", "stop", 2, True)
    assert answer.prompt_tokens > 0


def test_a_server_that_says_why_it_ended_and_then_keeps_the_line_open_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "USAGE_SECONDS", 0.05)
    over = threading.Event()

    def silent(handler: Handler) -> None:
        handler.begin_stream()
        facts = {"choices": [{"delta": {"content": "blue"}, "finish_reason": "stop"}]}
        handler.chunk(f"data: {json.dumps(facts)}\n\n")
        over.wait(5)

    with serving(silent) as server:
        answer = asked(server)
        over.set()
    assert (answer.text, answer.stop_reason) == ("blue", "stop") and answer.latency_seconds < 3


def test_an_answer_of_as_many_tokens_as_were_allowed_was_cut_though_nothing_says_so() -> None:
    with serving(whole(" ".join(["blue"] * 8), usage={"prompt_tokens": 4, "completion_tokens": 8})) as server:
        assert asked(server).stop_reason == "stop", "a server that gives a reason is believed"
    body = {"choices": [{"message": {"content": "b " * 30}, "finish_reason": None}]}
    with serving(lambda handler: handler.say(200, "application/json", json.dumps(body))) as server:
        assert asked(server).stop_reason == "length"


def test_a_server_that_refuses_is_said_after_all_tries() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = Endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "tiny", retries=2)
    with pytest.raises(EndpointError, match=r"refuses the connection: is the server running\?.* \(3 tries\)"):
        Client(endpoint).answer(QUESTION, 8)


def test_a_server_that_hangs_is_given_up_when_its_time_is_over() -> None:
    over = threading.Event()
    with serving(lambda handler: print(end=str(over.wait(5))[:0])) as server:
        message = failure(server, timeout_seconds=0.1, retries=0)
        over.set()
    assert "no whole answer within 0.1 s" in message


def test_a_server_that_drips_is_given_up_though_every_byte_comes_in_time() -> None:
    over = threading.Event()

    def drip(handler: Handler) -> None:
        handler.begin_stream()
        while not over.wait(0.02):
            handler.chunk(": still here\n\n")

    with serving(drip) as server:
        message = failure(server, timeout_seconds=0.2, retries=0)
        over.set()
    assert "no whole answer within 0.2 s" in message


def test_too_many_requests_wait_as_long_as_the_server_says(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Client, "_wait", lambda client, seconds: waits.append(seconds))
    with serving(status(429, Retry_After="7"), status(503, Retry_After=formatdate(usegmt=True)), echo) as server:
        assert asked(server).text == "it is sky"
    assert len(server.asked) == 3 and waits[0] == 7.0 and waits[1] < 5
    with serving(status(429, "quota", Retry_After="86400")) as server:
        assert "again in 86400 s, longer than is waited" in failure(server)
    assert len(server.asked) == 1, "nobody waits a day"


def test_trouble_of_the_server_is_tried_again_and_then_said_with_its_words() -> None:
    with serving(status(500, "out of\nmemory")) as server:
        assert "answered 500: out of memory (3 tries)" in failure(server)
    assert len(server.asked) == 3


def test_half_a_body_is_no_answer_and_is_tried_again() -> None:
    def half(handler: Handler) -> None:
        handler.begin_stream()
        facts = {"choices": [{"delta": {"content": "it is"}, "finish_reason": None}]}
        handler.chunk(f"data: {json.dumps(facts)}\n\n")
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    def half_json(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "500")
        handler.end_headers()
        handler.wfile.write(b'{"choices": [')
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    with serving(half, half_json, echo) as server:
        assert asked(server).text == "it is sky"
    with serving(half) as server:
        assert "its answer broke off (3 tries)" in failure(server)


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("application/json", "not json", "what is no JSON"),
        ("application/json", "[1]", "no object"),
        ("application/json", "{}", "no choices"),
        ("application/json", '{"error": {"message": "no such model"}}', "no such model"),
        ("text/html", "<h1>Welcome</h1>", "text/html and not JSON: is the url right?"),
        ("text/event-stream", "data: {broken\n\n", "what is no JSON"),
    ],
)
def test_what_is_no_answer_is_said_and_not_asked_for_again(kind: str, body: str, why: str) -> None:
    with serving(lambda handler: handler.say(200, kind, body)) as server:
        assert why in failure(server)
    assert len(server.asked) == 1


def test_the_key_goes_to_the_server_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "secret-123")
    with serving(lambda handler: status(401, f"bad key {handler.headers['Authorization']}")(handler)) as server:
        message = failure(server, api_key_env="TINY_KEY")
    assert server.headers[0]["Authorization"] == "Bearer secret-123"
    assert "answered 401 (is the key right?)" in message and "secret" not in message
    monkeypatch.delenv("TINY_KEY")
    with serving(echo) as server, pytest.raises(AskedWrongly, match="TINY_KEY is not set"):
        asked(server, api_key_env="TINY_KEY")
    assert not server.asked


def test_a_redirect_does_not_take_the_key_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "secret-123")
    with serving(echo) as other, serving(status(307, Location=other.endpoint().url)) as server:
        assert "answered 307" in failure(server, api_key_env="TINY_KEY")
        assert not other.asked


def test_a_server_that_knows_no_stream_options_is_asked_without() -> None:
    with serving(status(400, "unknown field stream_options"), echo) as server:
        assert asked(server).text == "it is sky"
    assert "stream_options" in server.asked[0] and "stream_options" not in server.asked[1]


def test_cost_is_of_the_prices_and_unknown_without() -> None:
    assert Endpoint("http://x/v1", "m", price_per_million_input=0.5, price_per_million_output=2).cost(1000, 100) == (
        pytest.approx(0.0007)
    )
    assert Endpoint("http://x/v1", "m").cost(1000, 100) is None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"model": "m"}, "has no url"),
        ({"url": "localhost:8080", "model": "m"}, "url is 'localhost:8080'"),
        ({"url": "http://me:pw@x/v1", "model": "m"}, "a password"),
        ({"url": "http://x/v1", "model": "m", "api_key": "sk-1"}, "api_key is not known"),
        ({"url": "http://x/v1", "model": "m", "concurrency": 0}, "concurrency is 0"),
        ({"url": "http://x/v1", "model": "m", "retries": "2"}, "retries is '2'"),
        ({"url": "http://x/v1", "model": "m", "style": "magic"}, "style is 'magic'"),
        ({"url": "http://x/v1", "model": "m", "price_per_million_input": -1}, "price_per_million_input is -1"),
        ("text", "is no table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_its_name(facts: object, why: str) -> None:
    with pytest.raises(AskedWrongly, match=r"endpoints\.mine") as refused:
        endpoint_from("mine", facts)
    assert why in refused.value.message and "sk-1" not in str(refused.value)


def test_studio_toml_names_servers(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    text = project.settings_path.read_text()
    project.settings_path.write_text(
        text + '\n[endpoints.mine]\nurl = "http://x/v1"\nmodel = "m"\n[endpoints.mine.extra]\nseed = 1\n'
    )
    assert project.settings().endpoints == {"mine": Endpoint("http://x/v1", "m", extra={"seed": 1})}
    project.settings_path.write_text('[endpoints.mine]\nurl = "http://x/v1"\n')
    with pytest.raises(AskedWrongly, match=r"studio.toml: endpoints.mine has no model"):
        project.settings()
