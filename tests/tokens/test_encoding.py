"""What is learned is the answer and its end-of-turn token, after exactly the prompt that inference will render."""

import json
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, prompt_text
from studio.tokens.layout import Budget
from studio.tokens.one_sequence import training_texts
from studio.tokens.template import conversation_of
from studio.tokens.tokenizer import ModelFolder
from studio.tokens.window import apply_policy

PAIR = Pair("Where is order 7?", "On its way.")


def with_template(folder: Path, source: str, tmp_path: Path) -> ModelFolder:
    """The same model under another chat template."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "chat_template.jinja").write_text(source)
    return ModelFolder(tmp_path)


def test_the_answer_is_learned_up_to_and_with_the_end_of_turn(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    encoded = encode_pairs(model, [PAIR])[0]
    learned = [token for token, is_learned in zip(encoded.ids, encoded.completion_mask, strict=True) if is_learned]
    assert learned[-1] == model.end_of_turn_id
    assert model.tokenizer.decode(learned, skip_special_tokens=False) == f"On its way.{model.end_of_turn}"


def test_the_prompt_at_inference_is_the_start_of_the_training_row(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    encoded = encode_pairs(model, [PAIR])[0]
    asked = encode_prompts(model, [prompt_text(model, PAIR.prompt)])[0]
    assert encoded.ids[: encoded.prompt_tokens] == asked


def test_a_template_that_renders_another_prompt_in_training_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    source = (
        "{% for m in messages %}{{ m['content'] }}"
        "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %} Answer:{% endif %}"
    )
    model = with_template(tiny_model_folder, source, tmp_path)
    with pytest.raises(StudioError, match="not a token prefix"):
        encode_pairs(model, [PAIR])


def test_a_template_without_end_of_turn_is_refused_because_the_model_would_never_stop(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = with_template(tiny_model_folder, "{% for m in messages %}{{ m['content'] }}\n{% endfor %}", tmp_path)
    with pytest.raises(StudioError, match="does not end an answer"):
        training_texts(model, [conversation_of(PAIR)])


def test_truncating_the_prompt_keeps_template_and_answer_whole(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    long = Pair("the parcel " * 200 + "is late", "On its way.")
    whole, cut = (apply_policy(model, [long], Budget(length), "truncate_prompt")[0] for length in (10_000, 80))
    assert whole.encoded and not whole.was_cut
    assert cut.encoded and cut.was_cut and cut.encoded.total_tokens <= 80
    assert cut.encoded.ids[cut.encoded.prompt_tokens :] == whole.encoded.ids[whole.encoded.prompt_tokens :]
    assert "is late" in model.tokenizer.decode(cut.encoded.ids, skip_special_tokens=False)


def test_truncating_the_completion_really_truncates(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    length = encode_pairs(model, [PAIR])[0].total_tokens - 2
    cut = apply_policy(model, [PAIR], Budget(length), "truncate_completion")[0]
    assert cut.was_cut and cut.encoded and cut.encoded.total_tokens == length


def test_a_row_whose_prompt_fills_the_window_is_dropped_not_trained_on_nothing(tiny_model_folder: Path) -> None:
    model = ModelFolder(tiny_model_folder)
    prompt_tokens = encode_pairs(model, [PAIR])[0].prompt_tokens
    assert apply_policy(model, [PAIR], Budget(prompt_tokens), "truncate_completion")[0].encoded is None


def test_a_folder_without_tokenizer_json_says_so(tiny_model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((tiny_model_folder / "config.json").read_bytes())
    with pytest.raises(StudioError, match=r"no tokenizer\.json"):
        _ = ModelFolder(tmp_path).tokenizer


def test_the_fingerprint_changes_with_the_template_and_only_then(tiny_model_folder: Path, tmp_path: Path) -> None:
    same = with_template(tiny_model_folder, ModelFolder(tiny_model_folder).template.source, tmp_path)
    assert same.fingerprint == ModelFolder(tiny_model_folder).fingerprint
    assert json.loads((tmp_path / "config.json").read_text())
    other = with_template(tiny_model_folder, "{{ messages }}", tmp_path)
    assert other.fingerprint != ModelFolder(tiny_model_folder).fingerprint
