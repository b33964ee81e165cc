"""A chat template is a program that came with somebody's weights: it renders as transformers does, or says why not."""

import pytest

from studio.errors import StudioError
from studio.tokens.pairs import Pair
from studio.tokens.template import INSTRUCTION_TEMPLATE, ChatTemplate, messages_of

CHATML = (
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def test_shots_become_earlier_turns_of_the_conversation() -> None:
    text = ChatTemplate(CHATML, {}).render(
        messages_of("Where is it?", "Be brief.", [Pair("Hi", "Hello")]), add_generation_prompt=True
    )
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nWhere is it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_base_model_without_a_template_gets_the_instruction_format() -> None:
    template = ChatTemplate(INSTRUCTION_TEMPLATE, {"eos_token": "</s>"})
    asked = messages_of("Say hi.")
    assert template.render(asked, add_generation_prompt=True) == "### Instruction:\nSay hi.\n\n### Response:\n"
    answered = [*asked, {"role": "assistant", "content": "hi"}]
    whole = "### Instruction:\nSay hi.\n\n### Response:\nhi</s>\n\n"
    assert template.render(answered, add_generation_prompt=False) == whole


def test_a_template_that_raises_is_quoted() -> None:
    template = ChatTemplate("{{ raise_exception('System role not supported') }}", {})
    with pytest.raises(StudioError, match="System role not supported"):
        template.render(messages_of("hi"), add_generation_prompt=True)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{% set x = messages.append({}) %}",
    ],
)
def test_a_template_that_tries_to_leave_its_sandbox_is_refused(source: str) -> None:
    with pytest.raises(StudioError, match="chat template"):
        ChatTemplate(source, {}).render(messages_of("hi"), add_generation_prompt=True)


def test_a_template_that_writes_nothing_is_refused_instead_of_asking_with_an_empty_prompt() -> None:
    with pytest.raises(StudioError, match="writes nothing"):
        ChatTemplate("{% if false %}{{ messages }}{% endif %}", {}).render(
            messages_of("hi"), add_generation_prompt=True
        )


def test_a_template_that_is_not_jinja_names_its_line() -> None:
    with pytest.raises(StudioError, match="line 2"):
        ChatTemplate("ok\n{% for %}", {}).render(messages_of("hi"), add_generation_prompt=True)


def test_json_in_a_template_is_not_escaped_for_html() -> None:
    template = ChatTemplate("{{ messages[0]['content'] | tojson }}", {})
    assert template.render(messages_of("a < b & ấm"), add_generation_prompt=True) == '"a < b & ấm"'
