"""Any GGUF that people have: read, or refused by the name of what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy
import pytest
import torch
from transformers import AutoModelForCausalLM

from studio.errors import StudioError
from studio.files import read_json_object
from studio.models.safety import refuse_unsafe
from studio.tokens.tokenizer import ModelFolder
from studio.worker.convert import convert
from tests.tiny_model import CHAT_TEMPLATE


def write(path: Path, model: Path, architecture: str = "llama", kind: str = "F32", parts: int = 0) -> Path:
    """The tiny Llama as llama.cpp's own converter would write it."""
    writer = gguf.GGUFWriter(path, architecture)
    if parts:
        writer.add_uint16("split.count", parts)
    put_facts(writer, model)
    put_weights(writer, model, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def put_facts(writer: Any, model: Path) -> None:
    for name, value in (("context_length", 256), ("embedding_length", 48), ("block_count", 2)):
        getattr(writer, f"add_{name}")(value)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(300)
    vocabulary = ModelFolder(model).tokenizer.get_vocab(with_added_tokens=True)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(vocabulary, key=lambda token: vocabulary[token]))
    writer.add_token_types([3] * 3 + [1] * (len(vocabulary) - 3))
    merges = read_json_object(model / "tokenizer.json")["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT_TEMPLATE)


def put_weights(writer: Any, model: Path, kind: str) -> None:
    weights = {name: one.numpy() for name, one in AutoModelForCausalLM.from_pretrained(model).state_dict().items()}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 2)
    for name, tensor in weights.items():
        known = names.get_name(name, try_suffixes=(".weight",))
        if known == "output.weight":
            continue  # tied
        heads = 4 if "q_proj" in name else 2 if "k_proj" in name else 0
        if heads:
            tensor = tensor.reshape(heads, 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)
        if kind != "F32" and tensor.ndim == 2:
            tensor_kind = gguf.GGMLQuantizationType[kind]
            block, size = gguf.GGML_QUANT_SIZES[tensor_kind]
            data = numpy.zeros((tensor.shape[0], max(1, tensor.shape[1] // block) * size), numpy.uint8)
            writer.add_tensor(known, data, raw_dtype=tensor_kind)
        else:
            writer.add_tensor(known, numpy.ascontiguousarray(tensor))


def test_a_gguf_becomes_a_folder_with_the_same_weights_and_template(tmp_path: Path, tiny_model_folder: Path) -> None:
    convert(write(tmp_path / "mine.gguf", tiny_model_folder), tmp_path / "out")
    folder = ModelFolder(tmp_path / "out")
    refuse_unsafe(folder.path, folder.config)
    assert (folder.context_window, folder.end_of_turn, "im_start" in folder.template.source) == (
        256,
        "<|im_end|>",
        True,
    )
    before, after = (AutoModelForCausalLM.from_pretrained(path) for path in (tiny_model_folder, folder.path))
    ids = torch.tensor([folder.tokenizer.encode("where is my order").ids])
    assert ids.tolist()[0] == ModelFolder(tiny_model_folder).tokenizer.encode("where is my order").ids
    assert torch.allclose(before(ids).logits, after(ids).logits, atol=1e-5)


def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, tiny_model_folder: Path) -> None:
    with pytest.raises(StudioError, match="architecture rwkv6 cannot be used here"):
        convert(write(tmp_path / "a.gguf", tiny_model_folder, "rwkv6"), tmp_path / "a")
    with pytest.raises(StudioError, match="quantised as Q8_1, which cannot be read"):
        convert(write(tmp_path / "b.gguf", tiny_model_folder, kind="Q8_1"), tmp_path / "b")
    with pytest.raises(StudioError, match="one of 3 parts"):
        convert(write(tmp_path / "c.gguf", tiny_model_folder, parts=3), tmp_path / "c")
    assert not any((tmp_path / name).exists() for name in "abc")
