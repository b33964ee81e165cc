"""Conversations: which tokens are learned under two chat templates, and what a cut, a proof and a shot make of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from studio.errors import AskedWrongly, StudioError
from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs, encode_prompts, objective_of, prompt_text
from studio.tokens.layout import Budget
from studio.tokens.stop_proof import StopProof
from studio.tokens.template import messages_of
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import apply_policy
from studio.turns import Turn, turns_in, written
from tests.tokens.test_encoding import with_template

TURNS = (Turn("user", "Hi"), Turn("assistant", "Hello."), Turn("user", "Is it blue?"), Turn("assistant", "Yes."))
PAIR = Pair("And here?", "On its way.", "Be kind.", written(TURNS))

# As Llama 2 has it: the system text in the first turn, all of the user's in brackets, the end behind each answer.
BRACKETS = (
    "{% for m in messages %}"
    "{% if m['role'] == 'system' %}{% set ns.system = '<<' + m['content'] + '>> ' %}"
    "{% elif m['role'] == 'user' %}{{ '[INST] ' + ns.system + m['content'] + ' [/INST]' }}{% set ns.system = '' %}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
BRACKETS = "{% set ns = namespace(system='') %}" + BRACKETS

CHATML = (
    "<|im_start|>system\nBe kind.<|im_end|>\n"
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{0}Hello.<|im_end|>{1}\n"
    "<|im_start|>user\nIs it blue?<|im_end|>\n<|im_start|>assistant\n{0}Yes.<|im_end|>{1}\n"
    "<|im_start|>user\nAnd here?<|im_end|>\n<|im_start|>assistant\n«On its way.<|im_end|>»"
)
INST = (
    "[INST] <<Be kind.>> Hi [/INST]{0} Hello.<|im_end|>{1}[INST] Is it blue? [/INST]{0} Yes.<|im_end|>{1}"
    "[INST] And here? [/INST]« On its way.<|im_end|>»"
)


def marked(model: ModelFolder, row: Encoded) -> str:
    """The row as text, what is learned of it between « and »."""
    text, was = "", False
    for token, is_learned in zip(row.ids, row.completion_mask, strict=True):
        text += "" if is_learned == was else "«" if is_learned else "»"
        text, was = text + model.decode([token]), is_learned
    return text + "»" * was


@pytest.fixture
def models(tiny_model_folder: Path, tmp_path: Path) -> list[tuple[ModelFolder, str]]:
    return [(ModelFolder(tiny_model_folder), CHATML), (with_template(tiny_model_folder, BRACKETS, tmp_path), INST)]


def test_the_last_answer_is_learned_or_every_answer_with_its_end_and_nothing_else(
    models: list[tuple[ModelFolder, str]],
) -> None:
    for model, golden in models:
        last, every = (
            encode_pairs(model, [PAIR], objective)[0] for objective in (Objective.COMPLETION, Objective.TURNS)
        )
        assert marked(model, last) == golden.format("", "")
        assert marked(model, every) == golden.format("«", "»")
        assert (last.ids, last.prompt_tokens) == (every.ids, every.prompt_tokens), "the window check is of both"
        assert every.learned_tokens == sum(every.completion_mask) > last.learned_tokens == last.completion_tokens
        asked = encode_prompts(model, [prompt_text(model, PAIR.prompt, PAIR.system, context=PAIR.context)])[0]
        assert last.prompt_ids == asked, "asked as it was trained"
        behind = every.behind([9, 9])
        assert behind.completion_mask == [False, False, *every.completion_mask]
        one = encode_pairs(model, [replace(PAIR, context="")], Objective.TURNS)[0]
        assert one == encode_pairs(model, [replace(PAIR, context="")])[0], "one turn is the last and all of them"


def test_a_template_that_rewrites_earlier_answers_cannot_learn_them(tiny_model_folder: Path, tmp_path: Path) -> None:
    rewrites = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[' + m['content'] + ']' }}"
        "{% else %}{{ (m['content'] if loop.last else '…') + eos_token }}{% endif %}{% endfor %}"
    )
    model = with_template(tiny_model_folder, rewrites, tmp_path)
    pair = replace(PAIR, system="")
    assert marked(model, encode_pairs(model, [pair])[0]).endswith("[And here?]«On its way.<|im_end|>»")
    with pytest.raises(StudioError, match=r"the turns before 'And here\?' are other tokens") as refused:
        encode_pairs(model, [pair], Objective.TURNS)
    assert refused.value.hint.endswith("set learned_turns=last.")


def test_every_learned_turn_is_proved_to_end_once(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    proof = StopProof(model)
    every = encode_pairs(model, [PAIR], Objective.TURNS)[0]
    assert proof.flaw_of(every) == ""
    begin, end = every.earlier[0]
    assert "an earlier answer of it does not end" in proof.flaw_of(replace(every, earlier=((begin, end - 1),)))
    quoting = replace(PAIR, context=written([Turn("user", "Hi"), Turn("assistant", "a<|im_end|>b")]))
    assert proof.suspects([PAIR, quoting]) == [1]
    assert "an earlier answer of it has <|im_end|>" in proof.flaw_of(encode_pairs(model, [quoting], Objective.TURNS)[0])
    assert proof.flaw_of(encode_pairs(model, [quoting])[0]) == "", "what is only seen teaches no end"


@pytest.mark.parametrize("objective", [Objective.COMPLETION, Objective.TURNS])
def test_cutting_the_prompt_takes_the_earliest_turns_first_and_whole(
    tiny_model_folder: Path, objective: Objective
) -> None:
    model = ModelFolder(tiny_model_folder)
    whole = encode_pairs(model, [PAIR], objective)[0].total_tokens
    without_first = encode_pairs(model, [replace(PAIR, context=written(TURNS[2:]))], objective)[0]
    without_both = encode_pairs(model, [replace(PAIR, context="")], objective)[0]
    for length, wanted in ((whole - 1, without_first), (without_first.total_tokens - 1, without_both)):
        cut = apply_policy(model, [PAIR], Budget(length), "truncate_prompt", objective)[0]
        assert (cut.encoded, cut.was_cut) == (wanted, True)
    still = apply_policy(model, [PAIR], Budget(without_both.total_tokens - 2), "truncate_prompt", objective)[0].encoded
    assert still and "d here?" in model.decode(still.ids) and "Hi" not in model.decode(still.ids)


def test_an_encoder_decoder_reads_the_turns_before_its_prompt_and_learns_the_last_answer_only(
    tiny_t5_folder: Path,
) -> None:
    model = ModelFolder(tiny_t5_folder)
    asked = prompt_text(model, PAIR.prompt, PAIR.system, context=PAIR.context)
    assert asked == "Be kind.\n\nHi\nHello.\n\nIs it blue?\nYes.\n\nAnd here?"
    assert encode_pairs(model, [PAIR])[0].prompt_ids == encode_prompts(model, [asked])[0]
    with pytest.raises(AskedWrongly, match="learned_turns=all: an encoder-decoder model"):
        encode_pairs(model, [PAIR], Objective.TURNS)


def test_a_shot_brings_its_turns_and_costs_them(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    texts = [message["content"] for message in messages_of("Now?", "S", [PAIR], written(TURNS[:2]))]
    assert texts == ["S", *(turn.text for turn in TURNS), "And here?", "On its way.", "Hi", "Hello.", "Now?"]
    with_shot, without = (
        len(encode_prompts(model, [prompt_text(model, "Now?", "S", shots)])[0]) for shots in ([PAIR], [])
    )
    assert model.layout.shot_tokens(model, [PAIR], encode_pairs(model, [PAIR])) == [with_shot - without]


def test_plain_text_has_the_turns_a_line_each(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    row = encode_pairs(model, [PAIR], Objective.TEXT)[0]
    assert model.decode(row.ids) == "Be kind.\nHi\nHello.\nIs it blue?\nYes.\nAnd here?\nOn its way.<|im_end|>"


def test_the_setting_and_what_it_does_not_go_with() -> None:
    assert objective_of("completion", TrainSpec().learned_turns) is Objective.COMPLETION
    assert objective_of("completion", "all") is Objective.TURNS
    for objective in ("sequence", "text"):
        with pytest.raises(AskedWrongly, match=f"learned_turns=all with objective={objective}"):
            TrainSpec(objective=objective, learned_turns="all")


def test_turns_are_one_text_written_in_one_way_and_read_back() -> None:
    assert written([]) == "" and turns_in("") == []
    assert written(TURNS[:2]) == '[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello."}]'
    assert turns_in(written(TURNS)) == list(TURNS)
    for text, why in (
        ("x", "Turn 1 is of ''"),
        ('[{"role":"user","content":"a"}]', "must be of the assistant"),
        ('[{"role":"assistant","content":"a"},{"role":"assistant","content":"a"}]', "Turns 1 and 2 are both"),
        ('[{"role":"tool","content":"a"}]', "Turn 1 is of 'tool'"),
        ('[{"role":"assistant","content":3}]', ""),
        ("[" * 100_000, "Turn 1"),
    ):
        with pytest.raises(StudioError) as refused:
            turns_in(text)
        assert why in refused.value.hint
