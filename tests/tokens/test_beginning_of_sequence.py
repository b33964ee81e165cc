"""A model whose tokenizer puts a beginning-of-sequence token before every text sees exactly one, whoever renders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tokenizers import Tokenizer, processors

from studio.acts.window import as_trained
from studio.dataset.examples import Example
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, prompt_text
from studio.tokens.layout import Budget
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import apply_policy
from tests.tiny_model import CHAT_TEMPLATE, write_tokenizer

BOS, EOS = "<|endoftext|>", "<|im_end|>"
PAIR = Pair("Where is order 7?", "On its way.")
SHOTS = [Pair("Is it blue?", "Yes."), Pair("Is it here?", "No.")]

WRITES_IT = "{{ bos_token }}" + CHAT_TEMPLATE
WRITES_IT_AFTER_A_LINE_BREAK = "\n\n" + WRITES_IT

MakeModel = Callable[..., ModelFolder]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """A model folder with a small tokenizer and a template; no template stands for a base model."""

    def make(*, adds: str = "", template: str = "", **settings: object) -> ModelFolder:
        folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        write_tokenizer(folder)
        (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
        if adds:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            special_tokens = [(token, tokenizer.token_to_id(token)) for token in (BOS, EOS)]
            tokenizer.post_processor = processors.TemplateProcessing(single=adds, special_tokens=special_tokens)
            tokenizer.save(str(folder / "tokenizer.json"))
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(json.dumps(config | {"bos_token": BOS} | settings))
        (folder / "chat_template.jinja").unlink()
        if template:
            (folder / "chat_template.jinja").write_text(template)
        return ModelFolder(folder)

    return make


def texts_of(model: ModelFolder) -> list[str]:
    """A question as it is asked plain, with a system prompt, and with worked examples."""
    return [
        prompt_text(model, PAIR.prompt),
        prompt_text(model, PAIR.prompt, "Be brief."),
        prompt_text(model, PAIR.prompt, shots=SHOTS),
    ]


def id_of(model: ModelFolder, token: str) -> int:
    token_id = model.tokenizer.token_to_id(token)
    assert token_id is not None
    return token_id


def begins_once(model: ModelFolder, ids: list[int]) -> bool:
    bos = id_of(model, BOS)
    return ids[0] == bos and ids.count(bos) == 1


@pytest.mark.parametrize("template", ["", CHAT_TEMPLATE, WRITES_IT], ids=["base model", "own", "own that writes it"])
def test_the_token_that_the_tokenizer_adds_is_there_once_in_every_prompt_and_row(
    make_model: MakeModel, template: str
) -> None:
    model = make_model(adds=f"{BOS} $A", template=template)
    assert all(begins_once(model, ids) for ids in encode_prompts(model, texts_of(model)))
    row = encode_pairs(model, [PAIR])[0]
    assert begins_once(model, row.ids)
    assert row.ids[: row.prompt_tokens] == encode_prompts(model, [prompt_text(model, PAIR.prompt)])[0]


def test_a_template_that_writes_it_behind_a_line_break_gets_no_second(make_model: MakeModel) -> None:
    model = make_model(adds=f"{BOS} $A", template=WRITES_IT_AFTER_A_LINE_BREAK)
    bos = id_of(model, BOS)
    assert [ids.count(bos) for ids in encode_prompts(model, texts_of(model))] == [1, 1, 1]


def test_a_base_models_row_that_begins_with_it_already_gets_no_second(make_model: MakeModel) -> None:
    model = make_model(adds=f"{BOS} $A")
    row = encode_pairs(model, [Pair(PAIR.prompt, PAIR.completion, system=f"{BOS}Be brief.")])[0]
    assert begins_once(model, row.ids)


def test_a_tokenizer_that_adds_nothing_changes_no_prompt(make_model: MakeModel) -> None:
    for template in ("", CHAT_TEMPLATE, WRITES_IT):
        model = make_model(template=template)
        bare = [model.tokenizer.encode(text, add_special_tokens=False).ids for text in texts_of(model)]
        assert encode_prompts(model, texts_of(model)) == bare


def test_an_end_that_the_tokenizer_adds_is_not_put_behind_a_prompt(make_model: MakeModel) -> None:
    model = make_model(adds=f"{BOS} $A {EOS}")
    bos, eos = id_of(model, BOS), id_of(model, EOS)
    asked = encode_prompts(model, [prompt_text(model, PAIR.prompt)])[0]
    assert asked[0] == bos and eos not in asked
    assert encode_pairs(model, [PAIR])[0].ids.count(eos) == 1


@pytest.mark.parametrize("adds", ["", f"{BOS} $A"])
@pytest.mark.parametrize("settings", [{}, {"add_bos_token": True}, {"add_bos_token": False}])
def test_a_base_models_prompts_are_tokens_as_transformers_makes_them(
    make_model: MakeModel, adds: str, settings: dict[str, bool]
) -> None:
    from transformers import AutoTokenizer

    model = make_model(adds=adds, **settings)
    theirs = AutoTokenizer.from_pretrained(model.path)
    texts = texts_of(model)
    assert encode_prompts(model, texts) == [theirs(text)["input_ids"] for text in texts]


def test_cutting_the_prompt_keeps_the_beginning(make_model: MakeModel) -> None:
    model = make_model(adds=f"{BOS} $A")
    fitted = apply_policy(model, [Pair("the parcel " * 200, "On its way.")], Budget(60), "truncate_prompt")[0]
    assert fitted.encoded and fitted.was_cut and fitted.encoded.total_tokens <= 60
    assert begins_once(model, fitted.encoded.ids)


def test_a_row_shown_as_it_is_trained_begins_with_it(make_model: MakeModel) -> None:
    model = make_model(adds=f"{BOS} $A")
    row = encode_pairs(model, [PAIR])[0]
    example = SimpleNamespace(prompt=PAIR.prompt, completion=PAIR.completion, system="", context="")
    shown = as_trained(model, cast(Example, example), Budget(100))
    assert shown.stretches[0].pieces[0] == BOS
    assert (shown.prompt_tokens, shown.completion_tokens) == (row.prompt_tokens, row.completion_tokens)


def test_counts_made_before_the_token_was_added_are_not_used_again_and_all_others_are(make_model: MakeModel) -> None:
    def earlier(model: ModelFolder) -> str:
        """The fingerprint under which token counts lie in projects from before the token was added."""
        digest = hashlib.sha256((model.path / "tokenizer.json").read_bytes())
        digest.update(model.template.source.encode())
        digest.update(json.dumps(model.template.specials, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    adds_it, without_rule, with_empty_rule = make_model(adds=f"{BOS} $A"), make_model(), make_model(adds="$A")
    assert adds_it.fingerprint != earlier(adds_it)
    assert without_rule.fingerprint == earlier(without_rule)
    assert with_empty_rule.fingerprint == earlier(with_empty_rule)


def test_the_fingerprint_does_not_load_the_tokenizer(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(adds=f"{BOS} $A")
    monkeypatch.setattr(ModelFolder, "tokenizer", property(lambda folder: pytest.fail("the tokenizer was loaded")))
    assert len(model.fingerprint) == 16
