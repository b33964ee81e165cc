"""Try's process: two columns that move, figures at the end, and a newer question that ends an older one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.errors import StudioError
from studio.worker.trying.models import Models
from tests.worker.worker_runs import colour_rows, make_run, run_here, tiny_spec


def request(folder: Path, **facts: Any) -> dict[str, Any]:
    fixed = {"id": 1, "model_path": str(folder), "tuned_path": "", "prompt": "sky", "max_new_tokens": 6}
    fixed |= {"system": "", "dtype": "float32"}
    return {**fixed, **facts}


def test_base_and_tuned_stream_and_end_with_their_figures(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, learning_rate=2e-2), train=colour_rows(8))
    run_here(run)
    replies = list(
        Models().answer(request(tiny_model_folder, tuned_path=str(run.result_path("adapter")), tuned_method="lora"))
    )
    for arm in ("base", "tuned"):
        of_arm = [reply for reply in replies if reply["arm"] == arm]
        done = of_arm[-1]
        assert done["done"] is True
        assert 0 < done["tokens"] <= 6
        assert done["prompt_tokens"] > 5
        assert done["tokens_per_second"] > 0
        assert done["dtype"] == "float32"
        assert all("text" in reply for reply in of_arm[:-1])


def test_a_prompt_over_the_context_window_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(StudioError, match="over the context window of 256"):
        list(Models().answer(request(tiny_model_folder, prompt="sky " * 400)))


def test_the_process_answers_the_newest_question_and_survives_bad_ones(tiny_model_folder: Path) -> None:
    lines = [
        "not json",
        json.dumps(request(tiny_model_folder, id=1, model_path="/nowhere")),
        json.dumps({"cancel": True}),
        json.dumps(request(tiny_model_folder, id=2)),
    ]
    command = [sys.executable, "-m", "studio.worker.trying"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"ready": True} in replies
    assert {"error": {"message": "a request is not JSON.", "hint": ""}} in replies
    assert done.returncode == 0
    assert done.stderr == ""
