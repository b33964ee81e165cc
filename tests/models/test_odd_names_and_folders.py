"""A model's name is typed by a person and its folder written by somebody: whatever is wrong is said in words."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from studio.errors import AskedWrongly, StudioError
from studio.models.catalogue import DAMAGED, list_models, models_path
from studio.models.fetching import get_model
from studio.models.finding import resolve_model
from studio.tokens.encoding import Pair, encode_pairs

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "model"))


@pytest.mark.parametrize(
    "name",
    [
        "~nosuch/x",
        "x" * 300,
        f"{'x' * 200}/{'y' * 200}",
        "a\0b",
        "/",
        "..",
        ".",
        "~",
        "\udcff",
        "a/b/c",
        " ",
        "-m",
        "\x1b[2J",
    ],
)
def test_a_name_that_can_be_no_model_is_refused_in_words(name: str) -> None:
    with pytest.raises(StudioError) as caught:
        resolve_model(name)
    assert caught.value.hint and len(caught.value.message) < 200
    if name not in ("/", "..", ".", "~"):
        assert isinstance(caught.value, AskedWrongly)
        with pytest.raises(AskedWrongly):
            get_model(name)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [DEEP, "[]", "5", "", "{", '{"a": 1', "\xff"])
def test_a_deeply_nested_or_damaged_config_is_named(folder: Path, name: str, content: str) -> None:
    (folder / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(StudioError, match=name):
        encode_pairs(resolve_model(str(folder)), [Pair("Where?", "Here.")])


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "no json", DEEP, '{"version": "1.0", "model": {"type": "BPE"}}', "\xff\xfe", '{"model": 5}'],
)
def test_a_tokenizer_json_that_is_no_tokenizer_is_named(folder: Path, content: str) -> None:
    (folder / "tokenizer.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(StudioError, match=r"tokenizer\.json: not a usable tokenizer") as caught:
        encode_pairs(resolve_model(str(folder)), [Pair("Where?", "Here.")])
    assert len(caught.value.message) < 500


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_named_and_never_waited_for(folder: Path, name: str) -> None:
    for make in (os.mkfifo, os.mkdir):
        (folder / name).unlink() if (folder / name).is_file() else None
        make(folder / name)
        with pytest.raises(StudioError, match=name.replace(".", r"\.")):
            encode_pairs(resolve_model(str(folder)), [Pair("Where?", "Here.")])
        (folder / name).unlink() if make is os.mkfifo else (folder / name).rmdir()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"eos_token": 5}, "eos_token is 5, which is no text"),
        ({"eos_token": {}}, "names no eos_token"),
        ({"eos_token": ["<|im_end|>"]}, "eos_token is a list, which is no text"),
        ({"eos_token": {"content": {}}}, "eos_token is an object, which is no text"),
        ({"bos_token": "\ud800"}, "bos_token holds half a character"),
        ({"chat_template": 5}, "chat_template is 5, which is no text"),
        ({"chat_template": [{"name": "default"}]}, ""),
        ({"chat_template": ["x", 5, {"template": "x"}]}, ""),
        ({"chat_template": [{"name": "default", "template": 5}]}, "chat_template is 5, which is no text"),
    ],
)
def test_special_tokens_and_templates_of_a_wrong_type_are_named(
    folder: Path, changes: dict[str, object], said: str
) -> None:
    (folder / "chat_template.jinja").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    if said:
        with pytest.raises(StudioError, match=said):
            encode_pairs(resolve_model(str(folder)), [Pair("Where?", "Here.")])
    else:
        assert encode_pairs(resolve_model(str(folder)), [Pair("Where?", "Here.")])[0].completion_tokens


@pytest.mark.parametrize("window", [0, -1, 10**30, True, "256", None, [256]])
def test_a_context_window_that_is_none_is_not_taken_for_one(folder: Path, window: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_position_embeddings": window}))
    with pytest.raises(StudioError, match="no context window"):
        _ = resolve_model(str(folder)).context_window


def test_a_damaged_model_in_the_cache_hides_no_other(folder: Path) -> None:
    shutil.copytree(folder, models_path() / "good")
    shutil.copytree(folder, models_path() / "bad")
    (models_path() / "bad" / "config.json").write_text(DEEP)
    listed = {model.name: model for model in list_models()}
    assert listed["good"].context_window == 256
    assert listed["bad"].architecture == DAMAGED and "nested too deeply" in listed["bad"].about
