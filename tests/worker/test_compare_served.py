"""Comparisons in which servers answer: faults are said per row, a resume asks only what failed, no torch is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.endpoints import client as client_module
from studio.files import read_json_lines
from studio.runs.arms.answering import Answering, write_answering
from studio.runs.directory import RunDirectory
from studio.runs.specs import CompareSpec
from tests.endpoint_server import Handler, Server, echo, serving, status
from tests.worker.worker_runs import colour_rows, make_run, named, run_here


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_WAIT_SECONDS", 0.001)


def served_run(folder: Path, server: Server, rows: int = 5, **facts: Any) -> RunDirectory:
    spec = CompareSpec(arms=("endpoint:here",), latency_rows=2)
    run = make_run(folder, spec, train=colour_rows(4), test=colour_rows(rows, start=200))
    write_answering(run, {"endpoint:here": Answering(endpoint=server.endpoint(**facts))})
    return run


def lines_of(run: RunDirectory) -> list[dict[str, Any]]:
    return read_json_lines(run.predictions_path)[0]


def test_a_server_alone_is_compared_without_loading_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.worker.worker_runs import run_here; from studio.runs.directory import RunDirectory; "
        "from pathlib import Path; run_here(RunDirectory(Path(sys.argv[1]))); "
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    with serving(echo) as server:
        run = served_run(tmp_path / "run", server, price_per_million_input=1.0, price_per_million_output=2.0)
        done = subprocess.run([sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr
    events = read_json_lines(run.events_path)[0]
    assert events[-1]["event"] == "finished", events[-1]
    lines = lines_of(run)
    assert {line["example_id"]: line["text"] for line in lines} == {
        row.example_id: f"it is {row.prompt.split()[-1]}" for row in colour_rows(5, start=200)
    }
    timed = [line for line in lines if line["latency_seconds"]]
    assert {line["example_id"] for line in timed} == {200, 202}
    assert all(0 < line["ttft_seconds"] <= line["latency_seconds"] for line in timed)
    assert {(line["prompt_tokens"], line["tokens"], line["stop_reason"]) for line in lines} == {(11, 3, "stop")}
    assert lines[0]["cost"] == pytest.approx(17e-6)
    scores = json.loads(run.scores_path.read_text())
    assert scores["rows"] == 5 and scores["dtype"] == ""
    assert scores["computed"]["machine"]["cores"] >= 1 and scores["computed"]["versions"]["studio"]


def test_a_row_that_a_server_fails_on_is_said_and_the_others_go_on_and_a_resume_asks_only_it(tmp_path: Path) -> None:
    is_mended: list[bool] = []

    def picky(handler: Handler) -> None:
        is_bad = "coal" in handler.asked["messages"][-1]["content"] and not is_mended
        status(500, "no coal")(handler) if is_bad else echo(handler)

    with serving(picky) as server:
        run = served_run(tmp_path / "run", server, rows=6, retries=1)
        events = run_here(run)
        assert events[-1]["event"] == "finished"
        (warning,) = named(events, "warning")
        assert "endpoint:here: 1 of 6 rows have no answer" in warning["message"] and "no coal" in warning["message"]
        errors = [line for line in lines_of(run) if line["error"]]
        assert [line["stop_reason"] for line in errors] == ["error"] and "answered 500" in errors[0]["error"]
        scores = json.loads(run.scores_path.read_text())
        assert scores["rows"] == 5 and scores["arms"]["endpoint:here"]["left_out"] == 1
        asked = len(server.asked)
        assert asked == 7, "six rows, one of them twice"
        is_mended.append(True)
        run_here(run)
        assert len(server.asked) == asked + 1
    assert json.loads(run.scores_path.read_text())["rows"] == 6
    assert len({line["example_id"] for line in lines_of(run) if not line["error"]}) == 6


def test_a_server_that_is_down_costs_no_tries_after_a_while_and_leaves_the_other_arms_their_scores(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    arms = ("zero_shot", "endpoint:here")
    spec = CompareSpec(arms=arms, model_path=str(tiny_model_folder), dtype="float32", max_new_tokens=4)
    spec = replace(spec, latency_rows=0, probe_rows=0)
    run = make_run(tmp_path / "run", spec, test=colour_rows(9, start=200))
    with serving(status(503)) as server:
        endpoint = server.endpoint(retries=3, concurrency=1)
        answering = {"zero_shot": Answering(str(tiny_model_folder)), "endpoint:here": Answering(endpoint=endpoint)}
        write_answering(run, answering)
        assert run_here(run)[-1]["event"] == "finished"
        assert len(server.asked) == 5 * 4 + 4, "five rows four times, then each once"
    scores = json.loads(run.scores_path.read_text())
    assert list(scores["arms"]) == ["zero_shot"] and scores["rows"] == 9


def test_a_key_that_is_not_set_any_more_is_said_for_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with serving(echo) as server:
        run = served_run(tmp_path / "run", server, api_key_env="NO_SUCH_KEY")
        run_here(run)
        assert not server.asked
    assert all("NO_SUCH_KEY is not set" in line["error"] for line in lines_of(run)) and len(lines_of(run)) == 5


def test_a_stop_ends_what_is_under_way_and_nothing_is_kept_of_it(tmp_path: Path) -> None:
    over = threading.Event()

    def stop_and_hang(handler: Handler) -> None:
        run.stop_path.touch()
        over.wait(10)

    with serving(echo, echo, stop_and_hang) as server:
        run = served_run(tmp_path / "run", server, rows=6)
        assert run_here(run)[-1]["event"] == "stopped"
        over.set()
        assert len(lines_of(run)) == 2 and not any(line["error"] for line in lines_of(run))
        run.stop_path.unlink()
        server.acts = [echo]
        assert run_here(run)[-1]["event"] == "finished"
    assert sorted(line["example_id"] for line in lines_of(run)) == list(range(200, 206))
