"""What is measured, how it is remembered, and that a busy machine does not mislead it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.worker.compute import measure
from studio.worker.compute.measure import Choice
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


def test_dtypes_are_screened_in_one_thread_and_hopeless_ones_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {torch.float32: 0.010, torch.bfloat16: 0.190}
    seen: list[int] = []

    def multiply(width: int, dtype: torch.dtype, with_backward: bool) -> float:
        seen.append(torch.get_num_threads())
        return seconds[dtype]

    monkeypatch.setattr(measure, "_multiply_seconds", multiply)
    torch.set_num_threads(2)
    both = ("float32", "bfloat16")
    assert measure.promising_dtypes(64, both, with_backward=True) == ["float32"]
    assert seen == [1, 1]  # two threads on a busy machine once let a dtype pass that is twenty times slower
    assert torch.get_num_threads() == 2
    seconds[torch.bfloat16] = 0.008
    assert measure.promising_dtypes(64, both, with_backward=True) == ["bfloat16", "float32"]


def test_a_choice_is_remembered_per_purpose_and_model(tiny_model_folder: Path) -> None:
    assert measure.remembered("train-lora", tiny_model_folder) is None
    choice = Choice("float32", 2, 4, 1)
    measure.remember("train-lora", tiny_model_folder, choice)
    assert measure.remembered("train-lora", tiny_model_folder) == choice
    assert measure.remembered("train-full", tiny_model_folder) is None


def test_a_run_measures_once_and_the_next_one_does_not(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = tiny_spec(tiny_model_folder, dtype="auto", micro_batch_size=0, epochs=1)

    def phases(name: str) -> list[str]:
        events = run_here(make_run(tmp_path / name, spec, train=colour_rows(8)))
        assert events[-1]["event"] == "finished"
        assert named(events, "plan")[0]["micro_batch_size"] in (1, 2, 4)
        return [event["message"] for event in named(events, "preparing") if event["message"].startswith("measuring ")]

    assert phases("first")
    assert phases("second") == []
