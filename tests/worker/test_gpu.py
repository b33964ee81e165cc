"""A GPU learns and says what a CPU does. Skipped where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from studio.runs.directory import RunDirectory
from studio.worker.compute import devices
from studio.worker.trying.arms import Arms
from tests.trying import request
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU is found here")


def losses(tmp_path: Path, folder: Path, method: str, is_on_gpu: bool, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: is_on_gpu)
    spec = tiny_spec(folder, method=method, epochs=3, dtype="float32", micro_batch_size=2)
    events = run_here(make_run(tmp_path / f"{method}-{is_on_gpu}", spec, train=colour_rows(8)))
    monkeypatch.undo()
    assert events[-1]["event"] == "finished"
    return [step["loss"] for step in named(events, "step")]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_gpu_s_losses_are_a_cpu_s(
    method: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = losses(tmp_path, tiny_model_folder, method, True, monkeypatch)
    wanted = losses(tmp_path, tiny_model_folder, method, False, monkeypatch)
    assert ours == pytest.approx(wanted, rel=1e-3)
    assert ours[-1] < ours[0]


def test_on_a_gpu_bfloat16_and_the_micro_batch_are_found_and_dropout_resumes_as_itself(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    spec = tiny_spec(tiny_model_folder, epochs=4, dtype="auto", micro_batch_size=0, lora_dropout=0.1, save_every=2)
    run = make_run(tmp_path / "whole", spec, train=colour_rows(8))
    events = run_here(run)
    plan = named(events, "plan")[0]
    assert (plan["dtype"], plan["lanes"]) == ("bfloat16", 1)
    assert named(events, "step")[0]["memory_bytes"] == pytest.approx(devices.peak_memory_bytes(), rel=2)
    whole = [step["loss"] for step in named(events, "step")]
    again = make_run(tmp_path / "again", replace(spec, micro_batch_size=plan["micro_batch_size"]), train=colour_rows(8))
    again.path.joinpath("stop").touch()
    run_here(again)
    again.stop_path.unlink(missing_ok=True)
    resumed = [step["loss"] for step in named(run_here(again), "step")]
    assert resumed == pytest.approx(whole[-len(resumed) :], rel=5e-2)


def test_a_gpu_answers(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, epochs=1)
    run: RunDirectory = make_run(tmp_path / "run", spec, train=colour_rows(8))
    run_here(run)
    asked = request(tiny_model_folder, tuned=run.result_path("adapter"), method="lora", max_new_tokens=4)
    done = {reply["arm"]: reply for reply in Arms().answer(asked) if reply.get("done")}
    assert set(done) == {"base", "tuned"}
