"""The story of mending rows, training again, and a comparison that waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts import comparing, training
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import EventWriter, Finished
from studio.runs.specs import CompareSpec, TrainSpec, read_spec
from tests.tui.data_story import press, project_with, said, shown, tickets
from tests.tui.run_story import model_without_weights, opened_on


async def test_t_trains_again_and_compares_with_the_run_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (training, comparing):
        monkeypatch.setattr(module, "submit", lambda directory: None)
    model = model_without_weights(tmp_path / "model")
    Project.init(tmp_path / "desk", base_model=str(model), max_length=128)
    project = project_with(tmp_path / "desk", tickets(40))
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(0.2, 0.1, 0)
        run_id = training.start_training(project, store, TrainSpec(max_length=128))
        run = RunDirectory(project.runs_path / run_id)
        EventWriter(run.events_path).write(Finished(seconds=1))
        run.result_path("adapter").mkdir()
        store.set_text(store.rows_for("train")[0].example_id, completion="mended")
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "c")
        assert "training again  " in shown(pilot) and "1 edited" in shown(pilot)
        await press(pilot, "t")
        assert f"train again and compare with {run_id}?" in shown(pilot), "from the dialog too it asks first"
        await press(pilot, "n", "T")
        text = shown(pilot)
        assert f"train again and compare with {run_id}?" in text
        assert f"1 changed row since {run_id}." in text and f"tuned:{run_id}" in text
        await press(pilot, "n")
        assert len(list(project.runs_path.iterdir())) == 1, "no starts nothing"
        await press(pilot, "T", "y")
        assert "trains; compare-" in said(pilot)
    specs = [read_spec(RunDirectory(path)) for path in project.runs_path.iterdir()]
    (compare,) = (spec for spec in specs if isinstance(spec, CompareSpec))
    assert compare.after and f"tuned:{run_id}" in compare.arms
