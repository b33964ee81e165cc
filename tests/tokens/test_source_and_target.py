"""Rows of encoder-decoder models: a source and a target, each as the model's own tokenizer makes it, with a budget."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from studio.acts.window import as_trained, budget_of
from studio.dataset.examples import Example
from studio.errors import AskedWrongly, StudioError
from studio.reports.window import fate_table, lengths_sentence, window_report
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, prompt_text
from studio.tokens.families import refuse_dtype
from studio.tokens.layout import Budget, ContextWindow
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import FATES, Fate, apply_policy, fates
from studio.tui.dialogs.reader import trained_lines

PAIR = Pair("what is the colour of the sky", "it is blue")
APART = Budget(10, 4)


@pytest.fixture(params=["t5", "bart"])
def model(request: pytest.FixtureRequest, tiny_t5_folder: Path, tiny_bart_folder: Path) -> ModelFolder:
    return ModelFolder({"t5": tiny_t5_folder, "bart": tiny_bart_folder}[request.param])


def test_both_sides_are_what_transformers_makes_of_the_texts_alone(model: ModelFolder) -> None:
    from transformers import PreTrainedTokenizerFast

    theirs = PreTrainedTokenizerFast.from_pretrained(model.path)
    row = encode_pairs(model, [PAIR])[0]
    assert row.prompt_ids == theirs(PAIR.prompt)["input_ids"]
    assert row.completion_ids == theirs(text_target=PAIR.completion)["input_ids"]
    assert row.completion_ids[-1] == model.end_of_turn_id, "the end is learned"


def test_what_the_tokenizer_puts_around_a_text_is_there_once(model: ModelFolder) -> None:
    written = f"{model.leading_text}{PAIR.prompt}{model.trailing_text}"
    plain, twice = encode_prompts(model, [PAIR.prompt, written])
    for ids in (plain, twice, encode_pairs(model, [Pair("x", f"blue{model.end_of_turn}")])[0].completion_ids):
        for token in (*model.leading_ids, *model.trailing_ids):
            assert ids.count(token) == 1


def test_the_source_is_the_prompt_itself_system_text_and_examples_before_it(model: ModelFolder) -> None:
    assert prompt_text(model, PAIR.prompt) == PAIR.prompt
    shots = [Pair("Summary: ", "short"), Pair("sky", "blue")]
    assert prompt_text(model, "sea", "Be brief.", shots) == "Be brief.\n\nSummary: short\n\nsky\nblue\n\nsea"
    asked = encode_prompts(model, [prompt_text(model, PAIR.prompt, "Be brief.")])[0]
    assert encode_pairs(model, [Pair(PAIR.prompt, "x", "Be brief.")])[0].prompt_ids == asked, "asked as it was trained"


@pytest.mark.parametrize(
    ("prompt_tokens", "completion_tokens", "fate"),
    [
        (10, 4, "whole"),
        (11, 4, "prompt cut"),
        (10, 5, "end-of-turn cut"),
        (10, 6, "answer cut"),
        (400, 5, "end-of-turn cut"),  # the completion's fate is the worse
        (400, 1, "prompt cut"),  # something is left to learn, however long the prompt
    ],
)
def test_each_side_is_held_against_its_own_budget(prompt_tokens: int, completion_tokens: int, fate: str) -> None:
    counts = np.array([prompt_tokens], np.int32), np.array([completion_tokens], np.int32)
    assert FATES[fates(*counts, APART)[0]] == fate


def test_a_policy_cuts_its_own_side_and_drops_what_that_cannot_mend(model: ModelFolder) -> None:
    fitting, long_prompt, long_answer = (
        Pair("sky", "blue"),
        Pair("the sky is blue " * 9, "blue"),
        Pair("sky", "red " * 9),
    )
    around = len(model.leading_ids) + len(model.trailing_ids)
    budget = Budget(around + 12, around + 6)
    pairs = [fitting, long_prompt, long_answer]
    of = {
        policy: [one.encoded for one in apply_policy(model, pairs, budget, policy)]
        for policy in ("drop", "truncate_prompt", "truncate_completion")
    }
    assert [row is not None for row in of["drop"]] == [True, False, False]
    assert [row is not None for row in of["truncate_prompt"]] == [True, True, False]
    assert [row is not None for row in of["truncate_completion"]] == [True, False, True]
    shorter, cut = of["truncate_prompt"][1], of["truncate_completion"][2]
    assert shorter is not None and cut is not None
    assert shorter.prompt_tokens <= budget.max_length
    assert shorter.prompt_ids[-1] == model.end_of_turn_id, "the source still ends as the encoder knows it"
    assert cut.completion_tokens == budget.target


def test_a_t5_has_no_hard_window_and_a_bart_has_one_a_side(tiny_t5_folder: Path, tiny_bart_folder: Path) -> None:
    t5, bart = ModelFolder(tiny_t5_folder), ModelFolder(tiny_bart_folder)
    assert t5.window == ContextWindow(64, is_shared=False, is_hard=False)
    assert t5.window.holds(5000, 5000) and "no hard limit" in t5.window.words
    assert budget_of(t5, 4096, 128) == Budget(4096, 128)
    assert bart.window.holds(256, 256) and not bart.window.holds(257, 1) and not bart.window.holds(1, 257)
    with pytest.raises(AskedWrongly, match="max_target_length=300 is more than the model's context window of 256"):
        budget_of(bart, 100, 300)
    assert budget_of(bart, 100) == Budget(100, 100), "without one of its own the target has as much as the source"


def test_a_target_budget_for_a_decoder_only_model_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(AskedWrongly, match="prompt and completion share max_length"):
        budget_of(ModelFolder(tiny_model_folder), 100, 50)


def test_float16_is_refused_for_a_t5_with_the_reason_and_not_for_a_bart(
    tiny_t5_folder: Path, tiny_bart_folder: Path
) -> None:
    """transformers issue 23918: its losses were NaN."""
    with pytest.raises(AskedWrongly, match=r"dtype=float16: .*activations overflow"):
        refuse_dtype(ModelFolder(tiny_t5_folder), "float16")
    refuse_dtype(ModelFolder(tiny_bart_folder), "float16")
    refuse_dtype(ModelFolder(tiny_t5_folder), "bfloat16")


def test_an_encoder_decoder_that_reads_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "whisper", "is_encoder_decoder": true}')
    with pytest.raises(StudioError, match="encoder-decoder models of type whisper cannot be used here"):
        _ = ModelFolder(tmp_path).template


def test_the_window_report_has_both_sides() -> None:
    window = ContextWindow(40, is_shared=False)
    found = window_report([1, 2, 3], [8, 30, 9], [4, 3, 9], APART, window, [10, 10, 10], shots=(0, 1, 3))
    assert lengths_sentence(found) == "source: median 9, p95 28, max 30 · target: 4, 8, 9 · n 3"
    assert found.fates == {Fate.WHOLE: 1, Fate.PROMPT_CUT: 1, Fate.ANSWER_CUT: 1, Fate.END_OF_TURN_CUT: 0}
    assert len(fate_table(found).rows) == 4
    assert found.longest[0] == (2, 30)
    assert [cost.rows_that_no_longer_fit for cost in found.shots] == [0, 0, 1], "shots share the source's window only"
    facts = found.to_dict()
    assert (facts["max_target_length"], facts["is_window_hard"]) == (4, True)
    assert facts["source_tokens"]["max"] == 30 and facts["target_tokens"]["max"] == 9
    assert facts["longest"][0] == {"example_id": 2, "source_tokens": 30}


def test_as_trained_says_what_is_source_and_what_is_target(tiny_t5_folder: Path) -> None:
    example = cast(Example, SimpleNamespace(prompt=PAIR.prompt, completion=PAIR.completion, system="", context=""))
    shown = as_trained(ModelFolder(tiny_t5_folder), example, Budget(64, 3))
    assert [(one.is_learned, one.pieces[-1]) for one in shown.stretches] == [(False, "</s>"), (True, "</s>")]
    assert (shown.prompt_tokens, shown.completion_tokens, shown.fate) == (8, 4, "end-of-turn cut")
    _, head, _, source, seen, _, target, learned = trained_lines(shown)
    assert head[0][0] == "8 of 64 in the source · 4 of 3 in the target · fate "
    assert source[0][0].startswith("source") and target[0][0].startswith("target")
    assert {style for _, style in seen} == {"seen", "faint"}
    assert [style for _, style in learned[::2]] == ["learned"] * 3 + ["removed"], "only the target is over"
