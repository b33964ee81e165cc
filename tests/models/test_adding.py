"""Models of one's own under a name: what is taken, what is refused and leaves nothing, and taking one away."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from studio.acts.base_model import refuse_while_used, runs_by_model
from studio.errors import AskedWrongly, StudioError
from studio.files import write_whole
from studio.models.adding import add_model, remove_model
from studio.models.catalogue import list_models
from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.specs import TrainSpec
from tests.tui.run_story import train_run


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def nothing(part: float, message: str) -> None: ...


def test_a_folder_is_copied_under_its_name_and_removed_again(tmp_path: Path, tiny_model_folder: Path) -> None:
    mine = Path(shutil.copytree(tiny_model_folder, tmp_path / "mine"))
    (mine / "evil.py").write_text("raise SystemExit")
    path = add_model(mine, "my-model", nothing)
    assert resolve_model("my-model").path == path and not (path / "evil.py").exists()
    assert [(one.name, one.size_bytes > 1000) for one in list_models() if one.is_cached] == [("my-model", True)]
    shutil.rmtree(mine)
    assert resolve_model("my-model").tokenizer.get_vocab_size() == 300
    assert remove_model("my-model") > 1000
    with pytest.raises(AskedWrongly, match="no model 'my-model'"):
        resolve_model("my-model")
    with pytest.raises(AskedWrongly, match="in the cache"):
        remove_model("..")


def test_what_is_not_safe_or_no_model_leaves_nothing(tmp_path: Path, tiny_model_folder: Path, cache: Path) -> None:
    pickled = Path(shutil.copytree(tiny_model_folder, tmp_path / "pickled"))
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(StudioError, match="pickle weights"):
        add_model(pickled, "", nothing)
    text = tmp_path / "notes.gguf"
    text.write_text("not a model at all")
    with pytest.raises(AskedWrongly, match="no GGUF file, and no folder"):
        add_model(text, "", nothing)
    with pytest.raises(AskedWrongly, match="no such file"):
        add_model(tmp_path / "gone.gguf", "", nothing)
    for name, why in (("../up", "is no name"), ("smollm2-135m-instruct", "can be fetched")):
        with pytest.raises(AskedWrongly, match=why):
            add_model(tiny_model_folder, name, nothing)
    add_model(tiny_model_folder, "mine", nothing)
    with pytest.raises(AskedWrongly, match="here already"):
        add_model(tiny_model_folder, "mine", nothing)
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == ["mine"]


def test_a_model_that_runs_use_is_removed_only_by_force(tmp_path: Path, tiny_model_folder: Path) -> None:
    project = Project.init(tmp_path / "desk")
    run = train_run(project, "train-1")
    write_whole(run.spec_path, TrainSpec(base_model="mine").to_json())
    assert runs_by_model(project) == {"mine": ["train-1"]}
    with pytest.raises(AskedWrongly, match="base model of train-1"):
        refuse_while_used(project, "mine")
    refuse_while_used(project, "mine", is_forced=True)
    refuse_while_used(project, "other")
