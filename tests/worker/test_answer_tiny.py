"""Try's process: two columns that move, figures at the end, and a newer question that ends an older one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from studio.runs.arms.answering import Answering
from studio.worker.families.sampling import chosen_by
from studio.worker.trying.arms import Arms
from tests.endpoint_server import echo, serving, status
from tests.tiny_model import make_tiny_model
from tests.trying import request
from tests.worker.worker_runs import colour_rows, make_run, run_here, tiny_spec


def test_base_and_tuned_stream_and_end_with_their_figures(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, learning_rate=2e-2), train=colour_rows(8))
    run_here(run)
    replies = list(Arms().answer(request(tiny_model_folder, tuned=run.result_path("adapter"), method="lora")))
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
    (reply,) = Arms().answer(request(tiny_model_folder, "sky " * 400))
    assert "over the context window of 256" in reply["error"]["message"]


def test_the_process_answers_the_newest_question_and_survives_bad_ones(tiny_model_folder: Path) -> None:
    lines = [
        "not json",
        json.dumps(request(tiny_model_folder, id=1, arms=request(Path("/nowhere"))["arms"])),
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


def test_a_checkpoint_another_model_and_a_server_answer_side_by_side_and_one_that_fails_leaves_the_others(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    spec = tiny_spec(tiny_model_folder, learning_rate=2e-2, save_every=2, epochs=1)
    run = make_run(tmp_path / "run", spec, train=colour_rows(8))
    run_here(run)
    other = make_tiny_model(tmp_path / "other", seed=5)
    with serving(echo) as server, serving(status(500)) as broken:
        who = {
            "zero_shot": Answering(str(tiny_model_folder)),
            "tuned:run:2": Answering(
                str(tiny_model_folder),
                tuned_path=str(run.checkpoint_paths()[-1]),
                tuned_method="lora",
                is_checkpoint=True,
            ),
            "model:other": Answering(str(other)),
            "endpoint:here": Answering(endpoint=server.endpoint()),
            "endpoint:broken": Answering(endpoint=broken.endpoint(retries=0)),
        }
        messages = [{"role": "user", "content": "the sky"}]
        arms = [{"arm": arm, "answering": asdict(of), "messages": messages} for arm, of in who.items()]
        replies = list(Arms().answer(request(tiny_model_folder, arms=arms)))
    texts = {arm: "".join(reply.get("text", "") for reply in replies if reply["arm"] == arm) for arm in who}
    done = {reply["arm"]: reply for reply in replies if reply.get("done")}
    failed = {reply["arm"]: reply["error"]["message"] for reply in replies if "error" in reply}
    assert set(done) == set(who) - {"endpoint:broken"} and "answered 500" in failed["endpoint:broken"]
    assert texts["endpoint:here"] == "it is sky" and done["endpoint:here"]["tokens"] == 3
    assert len({texts[arm] for arm in ("zero_shot", "tuned:run:2", "model:other")}) == 3
    assert all(of["ttft_seconds"] > 0 for of in done.values())


def test_chance_is_seeded_and_a_temperature_of_nothing_is_greedy(tiny_model_folder: Path) -> None:
    def said(**settings: Any) -> str:
        replies = Arms().answer(request(tiny_model_folder, max_new_tokens=12, **settings))
        return "".join(reply.get("text", "") for reply in replies)

    greedy = said()
    assert said(temperature=1.5, seed=1) == said(temperature=1.5, seed=1) != said(temperature=1.5, seed=2)
    assert said(temperature=1.5, top_p=1e-6, seed=3) == greedy, "only the likeliest is left"
    assert said(temperature=1e-4, seed=3) == greedy


def test_the_likeliest_that_hold_the_share_together_are_chosen_from() -> None:
    """Of 0.5, 0.3, 0.15 and 0.05 a share of 0.6 leaves two: drawn as 5 to 3."""
    choose = chosen_by(1.0, 0.6, seed=0)
    logits = torch.log(torch.tensor([[0.15, 0.5, 0.05, 0.3]])).repeat(4000, 1)
    drawn = torch.bincount(choose(logits), minlength=4) / 4000
    assert drawn[0] == drawn[2] == 0 and abs(float(drawn[1]) - 0.625) < 0.03
