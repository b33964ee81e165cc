"""A template that is not known is somebody's program: it may take neither time nor memory from who asks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.errors import StudioError
from studio.tokens import render_process
from studio.tokens.pairs import Pair
from studio.tokens.render_process import RENDERER, RenderProcess
from studio.tokens.template import INSTRUCTION_TEMPLATE, ChatTemplate, messages_of
from tests.tiny_model import CHAT_TEMPLATE

HANGS = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc") + "{% endfor %}" * 3
ENDLESS_POWER = "{{ 10 ** (10 ** 9) }}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_process, "ROW_SECONDS", 0.5)


@pytest.fixture
def renderer() -> Iterator[RenderProcess]:
    made = RenderProcess()
    yield made
    made.close()


def rendered(source: str, *prompts: str) -> list[str]:
    return ChatTemplate(source, {}).render_all([messages_of(prompt) for prompt in prompts], add_generation_prompt=True)


@pytest.mark.parametrize("source", [HANGS, ENDLESS_POWER])
def test_three_nested_loops_that_hung_are_stopped_with_the_row_named(impatient: None, source: str) -> None:
    with pytest.raises(StudioError, match=r"chat template took too long and was stopped, in the row 'Where is it\?'"):
        rendered(source, "Where is it?")
    assert rendered(CHAT_TEMPLATE, "Hi")[0].endswith("assistant\n"), "the next one is rendered as if nothing had been"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ 'x' * 100000000 }}", "makes 100,000,000 characters of 12|took too long"),
        ("{{ 'x' * 100000000000 }}", "more than 512 MB"),
        ("{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}", "512 MB"),
        ("{{ messages[0]['content'] * 90000 }}", "makes 1,080,000 characters of 12"),
        ("{{ raise_exception('x' * 100000) }}", "xxx…"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "never ends"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "never ends"),
        ("{{ '\\ud800' }}", "writes what is no text"),
    ],
)
def test_a_template_that_aborted_the_studio_is_refused_in_words(source: str, said: str) -> None:
    with pytest.raises(StudioError, match=said) as caught:
        rendered(source, "Where is it?")
    assert "chat template" in caught.value.message and "in the row 'Where is it?'" in caught.value.message
    assert len(caught.value.message) < 600


def test_the_row_that_fails_is_named_and_those_before_it_do_not_matter() -> None:
    source = "{% if 'lamp' in messages[0]['content'] %}{{ raise_exception('no lamps') }}{% endif %}ok"
    with pytest.raises(StudioError, match="no lamps, in the row 'my lamp'"):
        rendered(source, *["my parcel"] * 300, "my lamp", "my sofa")
    assert rendered(source, "my sofa") == ["ok"]


def test_many_rows_come_back_in_their_order_whatever_is_in_them() -> None:
    prompts = [f"{number} ấm\n\0\x1b\u2028\U0001f600 {{{{ x }}}}" for number in range(700)]
    assert rendered("{{ messages[0]['content'] }}", *prompts) == prompts


def test_what_is_known_is_rendered_here_and_both_ways_make_the_same_text(renderer: RenderProcess) -> None:
    template = ChatTemplate(INSTRUCTION_TEMPLATE, {"eos_token": "</s>"})
    assert template.is_known and not ChatTemplate(INSTRUCTION_TEMPLATE + " ", {}).is_known
    conversation = messages_of("Say hi.", "Be brief.", [Pair("Hi", "Hello")])
    there = renderer.render_all(template.source, template.specials, [conversation], add_generation_prompt=True)
    assert there == [template.render(conversation, add_generation_prompt=True)]


def test_threads_take_turns(renderer: RenderProcess) -> None:
    def ask(number: int) -> list[str]:
        conversations = [messages_of(f"{number}-{row}") for row in range(40)]
        return renderer.render_all("{{ messages[0]['content'] }}", {}, conversations, add_generation_prompt=True)

    with ThreadPoolExecutor(4) as pool:
        for number, texts in enumerate(pool.map(ask, range(12))):
            assert texts == [f"{number}-{row}" for row in range(40)]


def test_a_process_that_was_killed_meanwhile_is_started_again(renderer: RenderProcess) -> None:
    assert renderer.render_all("a", {}, [messages_of("x")], add_generation_prompt=True) == ["a"]
    assert renderer._process is not None
    os.kill(renderer._process.pid, signal.SIGKILL)
    renderer._process.wait()
    assert renderer.render_all("b", {}, [messages_of("x")], add_generation_prompt=True) == ["b"]


def test_an_interrupt_leaves_no_old_answers_for_the_next_request(
    renderer: RenderProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    renderer.render_all("a", {}, [messages_of("x")], add_generation_prompt=True)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(renderer, "_line", interrupted)
        renderer.render_all("old", {}, [messages_of("x")] * 3, add_generation_prompt=True)
    assert renderer.render_all("new", {}, [messages_of("x")], add_generation_prompt=True) == ["new"]


def test_the_process_ends_when_nobody_is_left_to_ask(renderer: RenderProcess) -> None:
    renderer.render_all("a", {}, [messages_of("x")], add_generation_prompt=True)
    process = renderer._process
    assert process is not None and process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=20) == 0


def test_who_asks_is_not_grown_by_what_a_template_makes() -> None:
    import psutil  # type: ignore[import-untyped]

    rendered(CHAT_TEMPLATE, "warm")
    before = psutil.Process().memory_info().rss
    started = time.monotonic()
    with pytest.raises(StudioError):
        rendered("{{ 'x' * 100000000 }}", "Hi")
    assert psutil.Process().memory_info().rss - before < 20 << 20
    assert time.monotonic() - started < 30
    RENDERER.close()
