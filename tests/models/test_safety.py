"""Nothing that comes with a model is ever run: both gates, the studio's and the run process's, hold the same rule."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.models.finding import resolve_model
from studio.models.safety import refuse_unsafe

Gate = Callable[[Path], object]


def studio_gate(folder: Path) -> object:
    return resolve_model(str(folder))


def run_gate(folder: Path) -> object:
    from studio.worker.compute.loading import load_model

    return load_model(folder, "float32")


@pytest.fixture(params=[studio_gate, run_gate], ids=["studio", "run"])
def gate(request: pytest.FixtureRequest) -> Gate:
    chosen: Gate = request.param
    return chosen


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    """A good model folder, to be spoilt."""
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def write_index(folder: Path, file: str, name: str = "model.safetensors.index.json") -> None:
    """An index that says every weight is in ``file``."""
    from safetensors import safe_open

    with safe_open(next(folder.glob("*.safetensors")), framework="numpy") as weights:
        index = {"metadata": {}, "weight_map": dict.fromkeys(weights.keys(), file)}
    (folder / name).write_text(json.dumps(index))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt"])
def test_pickle_weights_are_refused(gate: Gate, folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(StudioError, match="pickle weights") as caught:
        gate(folder)
    assert name in caught.value.message


def test_an_index_that_points_to_a_pickle_beside_a_junk_safetensors_file_is_refused(gate: Gate, folder: Path) -> None:
    write_index(folder, "p.bin")
    (folder / "model.safetensors").rename(folder / "d.safetensors")
    (folder / "p.bin").write_bytes(b"a pickle")
    with pytest.raises(StudioError, match=r"names 'p\.bin'"):
        gate(folder)


@pytest.mark.parametrize(
    "file",
    [
        "../elsewhere.safetensors",
        "/tmp/elsewhere.safetensors",
        "sub/model.safetensors",
        "..",
        "",
        "p.bin\0.safetensors",
    ],
)
def test_an_index_that_leads_out_of_the_folder_is_refused(gate: Gate, folder: Path, file: str) -> None:
    write_index(folder, file)
    (folder / "model.safetensors").unlink()
    with pytest.raises(StudioError, match=r"no \.safetensors file of this folder"):
        gate(folder)


def test_a_weights_name_too_long_for_any_file_is_said_to_be_missing(tmp_path: Path) -> None:
    name = f"m{'(' * 3000}.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(StudioError, match="which is not there") as refused:
        refuse_unsafe(tmp_path, {})
    assert len(refused.value.message) < 400


def test_an_index_that_names_a_file_that_is_not_there_is_refused_before_anything_starts(
    gate: Gate, folder: Path
) -> None:
    write_index(folder, "model-00001-of-00001.safetensors")
    (folder / "model.safetensors").unlink()
    with pytest.raises(StudioError, match=r"names model-00001-of-00001\.safetensors, which is not there"):
        gate(folder)


def test_weights_that_are_links_out_of_the_folder_as_in_the_hubs_cache_are_loaded(gate: Gate, folder: Path) -> None:
    """There every file is a link to a blob without an ending; only the name decides what reads it."""
    blob = folder.parent / "blobs" / "0a1b2c"
    blob.parent.mkdir()
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    gate(folder)


def test_a_pickle_under_the_name_of_safetensors_is_read_as_safetensors_and_fails(folder: Path) -> None:
    import pickle

    (folder / "model.safetensors").write_bytes(pickle.dumps({"weights": 1}))
    with pytest.raises(StudioError, match="cannot be loaded"):
        run_gate(folder)


def test_an_adapter_in_the_model_folder_is_read_from_safetensors_or_not_at_all(gate: Gate, folder: Path) -> None:
    """transformers puts an adapter that lies beside the weights on the model by itself, a pickle if it must."""
    config = {"peft_type": "LORA", "base_model_name_or_path": "elsewhere", "r": 4, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    (folder / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(StudioError, match=r"without adapter_model\.safetensors; pickle weights would be read"):
        gate(folder)


@pytest.mark.parametrize(
    "named",
    [
        {"attn_implementation": "somebody/kernel"},
        {"_attn_implementation_internal": "somebody/kernel"},
        {"text_config": {"attn_implementation": {"": "somebody/kernel@v1"}}},
        {"experts_implementation": "somebody/kernel"},
    ],
)
def test_a_configuration_that_would_fetch_code_from_the_hub_is_refused(
    gate: Gate, folder: Path, named: dict[str, object]
) -> None:
    change_config(folder, **named)
    with pytest.raises(StudioError, match="fetch code from the hub"):
        gate(folder)


def test_an_empty_auto_map_names_no_code_and_both_gates_let_it_pass(gate: Gate, folder: Path) -> None:
    change_config(folder, auto_map={})
    gate(folder)


@pytest.mark.parametrize("auto_map", [None, [], "", "evil.Model", ["evil.Model"], 5])
def test_an_auto_map_of_a_wrong_type_is_refused_by_both_gates(gate: Gate, folder: Path, auto_map: object) -> None:
    change_config(folder, auto_map=auto_map)
    with pytest.raises(StudioError, match="code of its own"):
        gate(folder)


def test_an_index_that_is_none_is_refused_by_its_name(gate: Gate, folder: Path) -> None:
    for content in ("{", "[]", "{}", '{"weight_map": ["p.bin"]}', '{"a":' * 50_000, b"\xff\xfe"):
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / "model.safetensors.index.json").write_bytes(raw)
        with pytest.raises(StudioError, match="not an index of weights") as caught:
            gate(folder)
        assert "model.safetensors.index.json" in caught.value.message


@pytest.mark.parametrize("named", ["adapter_model.bin", "sub/other.safetensors.index.json"])
def test_weights_that_the_configuration_names_are_looked_at_too(gate: Gate, folder: Path, named: str) -> None:
    change_config(folder, transformers_weights=named)
    with pytest.raises(StudioError, match="transformers_weights"):
        gate(folder)


def test_an_index_of_another_name_that_the_configuration_chooses_is_looked_into(gate: Gate, folder: Path) -> None:
    write_index(folder, "p.bin", "other.safetensors.index.json")
    change_config(folder, transformers_weights="other.safetensors.index.json")
    with pytest.raises(StudioError, match=r"names 'p\.bin'"):
        gate(folder)


def test_code_that_comes_with_a_model_is_refused(gate: Gate, folder: Path) -> None:
    change_config(folder, auto_map={"AutoModelForCausalLM": "evil.Model"})
    with pytest.raises(StudioError, match="code of its own"):
        gate(folder)


def test_a_folder_without_weights_says_which_are_missing(gate: Gate, folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")
    with pytest.raises(StudioError, match=r"no weights.*no model\.safetensors"):
        gate(folder)


def test_a_model_in_safe_parts_is_loaded_whatever_lies_beside_it(gate: Gate, folder: Path) -> None:
    """As on the hub, where many models come in both forms, and as a trainer's checkpoint, with its own pickles."""
    write_index(folder, "model-00001-of-00001.safetensors")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    write_index(folder, "pytorch_model-00001-of-00001.bin", "pytorch_model.bin.index.json")
    for name in ("pytorch_model-00001-of-00001.bin", "training_args.bin", "optimizer.pt"):
        (folder / name).write_bytes(b"a pickle that nobody opens")
    change_config(folder, auto_map={})
    gate(folder)


def test_the_refusal_offers_to_trust_this_model_and_trusting_it_helps(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(StudioError) as caught:
        resolve_model(str(folder))
    assert f'trusted_models = ["{folder}"]' in caught.value.hint
    assert resolve_model(str(folder), trusted=[str(folder)]).path == folder
    with pytest.raises(StudioError, match="pickle weights"):
        resolve_model(str(folder), trusted=["another model"])


def test_a_run_that_does_not_know_the_models_name_offers_no_setting(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(StudioError) as caught:
        run_gate(folder)
    assert "trusted_models" not in caught.value.hint and "safetensors" in caught.value.hint


def test_a_model_folder_without_tokenizer_json_is_refused_before_anything_starts(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(StudioError, match=r"no tokenizer\.json"):
        resolve_model(str(folder))
