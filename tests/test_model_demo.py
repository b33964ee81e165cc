"""The main job, whole, with the real model: what the first command of README promises (``pytest -m model``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MARGIN = 0.40  # what the demo is for: tuned beats five examples in the prompt by this much on the same held-out tickets


@pytest.mark.model
def test_the_demo_s_tuned_model_beats_five_shots_by_forty_points(tmp_path: Path) -> None:
    # .ci/run names the interpreter of an environment that has the built wheel, so that what people install is tested.
    studio = [os.environ.get("STUDIO_PYTHON", sys.executable), "-m", "studio"]
    folder = tmp_path / "demo"
    demo = [*studio, "demo", "--headless", "--dir", str(folder)]
    done = subprocess.run(demo, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "points better" in done.stdout and "few_shot:5" in done.stdout
    compare = next(folder.glob("runs/compare-*")).name
    shown = subprocess.run(
        [*studio, "-C", str(folder), "compare", "--show", compare, "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    arms = json.loads(shown.stdout)["arms"]
    exact = {name: arm["scores"]["exact_match"]["score"] for name, arm in arms.items()}
    assert exact["tuned"] - exact["few_shot:5"] >= MARGIN, exact
