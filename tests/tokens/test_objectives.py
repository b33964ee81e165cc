"""What is learned under each objective: the masks, token by token, as a hand would write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.runs.specs import TrainSpec
from studio.tokens.encoding import Encoded, Objective, Pair, encode_pairs, objective_of
from studio.tokens.layout import Budget
from studio.tokens.one_sequence import plain_text
from studio.tokens.pairs import piece_lengths
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import apply_policy

ROWS = [Pair("Where is order 7?", "On its way."), Pair("2+2", "4", system="You add."), Pair("xin chào", "hello")]


def learned(model: ModelFolder, row: Encoded) -> str:
    return model.decode(row.ids[row.prompt_tokens :])


def with_a_beginning(folder: Path, tmp_path: Path) -> ModelFolder:
    """The same model, whose tokenizer puts <|endoftext|> before every text."""
    for name in ("config.json", "tokenizer_config.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    sequence: list[dict[str, object]] = [
        {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": sequence,
        "pair": [*sequence, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    return ModelFolder(tmp_path)


def test_the_settings_and_the_tokens_name_the_same_objectives() -> None:
    assert TrainSpec.choices("objective") == tuple(one for one in Objective if one is not Objective.TURNS)
    for objective in TrainSpec.choices("objective"):
        assert objective_of(objective, "last") == objective


def test_completion_learns_the_answer_sequence_all_but_the_first_token(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    completion, sequence = (encode_pairs(model, ROWS, of) for of in (Objective.COMPLETION, Objective.SEQUENCE))
    assert [learned(model, row) for row in completion] == [f"{pair.completion}<|im_end|>" for pair in ROWS]
    assert [row.ids for row in sequence] == [row.ids for row in completion]
    assert learned(model, sequence[1]) == (
        "system\nYou add.<|im_end|>\n<|im_start|>user\n2+2<|im_end|>\n<|im_start|>assistant\n4<|im_end|>"
    )
    assert all(row.completion_mask == [False] + [True] * (row.total_tokens - 1) for row in sequence)


def test_text_has_no_template_and_ends_with_what_ends_an_answer(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    rows = encode_pairs(model, ROWS, Objective.TEXT)
    assert [model.decode(row.ids) for row in rows] == [
        "Where is order 7?\nOn its way.<|im_end|>",
        "You add.\n2+2\n4<|im_end|>",
        "xin chào\nhello<|im_end|>",
    ]
    assert all(row.prompt_tokens == 1 for row in rows)
    assert plain_text(Pair("", "only this")) == "only this"


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_begins_once_where_the_tokenizer_says_so(
    objective: Objective, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = with_a_beginning(tiny_model_folder, tmp_path)
    for row in encode_pairs(model, ROWS, objective):
        assert row.ids[0] == 0 and row.ids.count(0) == 1
    if objective is Objective.TEXT:  # with the beginning seen, the text's own first token is learned
        assert learned(model, encode_pairs(model, ROWS, objective)[1]) == "You add.\n2+2\n4<|im_end|>"


@pytest.mark.parametrize("objective", [Objective.SEQUENCE, Objective.TEXT])
def test_what_is_too_long_is_cut_at_its_end_or_its_prompt_s_start(
    objective: Objective, tiny_model_folder: Path
) -> None:
    model = ModelFolder(tiny_model_folder)
    long = Pair("the parcel " * 60 + "is late", "On its way.")
    (end,) = apply_policy(model, [long], Budget(80), "truncate_completion", objective)
    (start,) = apply_policy(model, [long], Budget(80), "truncate_prompt", objective)
    assert end.encoded and end.was_cut and end.encoded.total_tokens == 80
    assert start.encoded and start.was_cut and start.encoded.total_tokens <= 80
    assert "is late" in model.decode(start.encoded.ids) and "is late" not in model.decode(end.encoded.ids)
    (dropped,) = apply_policy(model, [long], Budget(80), "drop", objective)
    assert dropped.encoded is None


@pytest.mark.parametrize(("tokens", "most"), [(2, 8), (8, 8), (9, 8), (15, 8), (16, 8), (100, 8)])
def test_a_long_text_is_split_so_that_every_token_but_the_first_is_learned_once(tokens: int, most: int) -> None:
    ids = list(range(tokens))
    pieces = Encoded(ids, 1).pieces(most)
    assert [token for piece in pieces for token in piece.completion_ids] == ids[1:]
    assert all(piece.prompt_ids == [piece.completion_ids[0] - 1] for piece in pieces), "behind the token before it"
    assert [piece.total_tokens for piece in pieces] == piece_lengths(tokens, most)
    assert max(piece_lengths(tokens, most)) <= most
