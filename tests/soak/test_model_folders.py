"""Four thousand damaged model folders: each is used, or refused in words, in bounded time and memory.

A folder is a sound one with one to three of its files mutated, all decided by its number; so a number that fails,
fails again.
"""

from __future__ import annotations

import json
import random
import resource
import time
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.models.catalogue import list_models, models_path
from studio.models.finding import resolve_model
from studio.tokens import render_process
from studio.tokens.encoding import Pair, encode_pairs, prompt_text
from tests.soak.mutations import ODD_TEXTS, mutated_bytes, mutated_json
from tests.tiny_model import CHAT_TEMPLATE, write_tokenizer

FOLDERS, PARTS = 10_000, 20
CPU_SECONDS = 5.0  # of this process, for one folder
MOST_BYTES = 600 << 20  # what this process may grow to
PAIRS = [
    Pair("Where is my order?", "On its way.", "Be brief."),
    Pair("ấm 漢字 \U0001f600", '{"a": [1, 2]}'),
    Pair("x" * 3_000, "y"),
]

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Every file that a model folder may have; the weights are never opened here."""
    folder = tmp_path_factory.mktemp("sound")
    write_tokenizer(folder)
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    named = [{"name": "default", "template": CHAT_TEMPLATE}, {"name": "tools", "template": "{{ tools }}"}]
    content = {
        "config.json": {
            "model_type": "llama",
            "max_position_embeddings": 256,
            "dtype": "float32",
            "auto_map": {},
            "text_config": {"attn_implementation": "sdpa"},
        },
        "tokenizer_config.json": tokenizer_config | {"chat_template": named, "unk_token": {"content": "<|endoftext|>"}},
        "model.safetensors.index.json": {
            "metadata": {},
            "weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"},
        },
        "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "x", "auto_mapping": None},
        "generation_config.json": {"eos_token_id": [2]},
    }
    files = {name: json.dumps(value).encode() for name, value in content.items()}
    files |= dict.fromkeys(("m-1.safetensors", "m-2.safetensors", "adapter_model.safetensors"), b"never opened")
    for name in ("tokenizer.json", "chat_template.jinja"):
        files[name] = (folder / name).read_bytes()
    return files


def damaged(chance: random.Random, sound: Files) -> Files:
    files = dict(sound)
    if chance.random() < 0.5:
        del files["chat_template.jinja"]  # the tokenizer's own configuration decides then
    for name in chance.sample(sorted(files), chance.choice([1, 1, 2, 3])):
        if chance.random() < 0.05:
            del files[name]
        elif name.endswith(".json") and chance.random() < 0.7:
            files[name] = mutated_json(chance, files[name])
        elif name.endswith(".jinja") and chance.random() < 0.5:
            files[name] += chance.choice(ODD_TEXTS).encode("utf-8", "surrogatepass")
        else:
            files[name] = mutated_bytes(chance, files[name])
    return files


def use(folder: Path) -> None:
    """Everything that screens, verbs and runs do with a model folder before torch is loaded."""
    model = resolve_model(str(folder))
    assert 1 <= model.context_window <= 1_000_000_000
    assert len(model.fingerprint) == 16 and isinstance(model.architecture, str)
    assert prompt_text(model, "Hi", shots=[Pair("a", "b")])
    rows = encode_pairs(model, PAIRS)
    assert [row.completion_tokens > 0 for row in rows]
    assert isinstance(model.decode(rows[0].ids), str)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_model_folder_is_used_or_refused_in_words(
    part: int, sound: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(render_process, "ROW_SECONDS", 2.0)
    used = refused = 0
    for number in range(part, FOLDERS, PARTS):
        folder = models_path() / str(number)
        folder.mkdir(parents=True)
        for name, content in damaged(random.Random(number), sound).items():
            (folder / name).write_bytes(content)
        began = time.process_time()
        try:
            use(folder)
            used += 1
        except StudioError as error:
            refused += 1
            assert error.message and len(str(error)) < 2_000, (number, error)
        except BaseException as error:
            raise AssertionError(f"folder {number}: {type(error).__name__}: {str(error)[:500]}") from error
        assert any(model.name == str(number) for model in list_models()) is (folder / "config.json").exists(), number
        spent = time.process_time() - began
        assert spent < CPU_SECONDS, (number, spent)
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    assert used > 20 and refused > 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10 < MOST_BYTES
