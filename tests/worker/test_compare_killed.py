"""A comparer that is killed at any answer goes on there: nothing twice, nothing missing, whoever answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studio.endpoints import client as client_module
from studio.files import read_json_lines
from studio.runs.arms.answering import Answering, write_answering
from studio.runs.directory import FrozenRow, RunDirectory
from studio.runs.events import EventWriter
from studio.runs.retrieval.documents import Documents, Passage, write_documents
from studio.runs.specs import CompareSpec
from studio.worker.comparing.compare import compare
from studio.worker.comparing.predictions import Predictions
from studio.worker.session import Session
from tests.endpoint_server import Handler, Server, echo, serving
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec


class Killed(BaseException):
    """What SIGKILL does to whoever writes: nothing of it is caught, nothing behind it happens."""


def killed_after(count: int, run: RunDirectory, spec: CompareSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on the run until ``count`` answers are on disk and half of the next one."""
    append, written = Predictions.append, 0

    def append_or_die(predictions: Predictions, prediction: dict[str, Any]) -> None:
        nonlocal written
        if written == count:
            with run.predictions_path.open("a") as file:
                file.write('{"key": "torn, "ar')
            raise Killed
        append(predictions, prediction)
        written += 1

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Predictions, "append", append_or_die)
        events = EventWriter(run.events_path)
        try:
            compare(Session(run, events), spec)
        finally:
            events.close()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> RunDirectory:
    spec = tiny_spec(tiny_model_folder, learning_rate=2e-2, save_every=2, epochs=1)
    run = make_run(tmp_path_factory.mktemp("trained") / "run", spec, train=colour_rows(8))
    run_here(run)
    return run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(client_module, "FIRST_WAIT_SECONDS", 0.001)
    with serving(echo) as server:
        yield server


def compare_run(folder: Path, spec: CompareSpec, answering: dict[str, Answering]) -> RunDirectory:
    run = make_run(folder, spec, train=colour_rows(6), test=colour_rows(3, start=200))
    write_answering(run, answering)
    write_documents(run.documents_path(2), Documents([Passage("sky.md:1", "the colour of sky is blue")]))
    return run


def test_killed_at_any_answer_of_any_kind_of_arm_it_goes_on_there(
    tmp_path: Path, tiny_model_folder: Path, trained: RunDirectory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Answering(str(tiny_model_folder))
    checkpoint = trained.checkpoint_paths()[-1]
    tuned = replace(base, tuned_method="lora", tuned_path=str(checkpoint), is_checkpoint=True)
    answering = {
        "zero_shot": base,
        "few_shot:2:similar": base,
        "rag:1:docs": base,
        "tuned:run:2": tuned,
        "endpoint:here": Answering(endpoint=server.endpoint(concurrency=1)),
    }
    spec = CompareSpec(
        arms=tuple(answering), model_path=str(tiny_model_folder), dtype="float32", max_new_tokens=4,
        batch_size=2, latency_rows=1, probe_rows=0,
    )  # fmt: skip
    whole = compare_run(tmp_path / "whole", spec, answering)
    assert run_here(whole)[-1]["event"] == "finished"
    expected = {(line["arm"], line["example_id"]): line["text"] for line in read_json_lines(whole.predictions_path)[0]}
    asked = len(server.asked)
    assert len(expected) == 15 and asked == 3

    run = compare_run(tmp_path / "killed", spec, answering)
    for _ in range(7):  # each life writes two answers and half of a third
        killed_after(2, run, spec, monkeypatch)
    assert run_here(run)[-1]["event"] == "finished"
    lines = read_json_lines(run.predictions_path)[0]
    found = Counter((line["arm"], line["example_id"]) for line in lines)
    assert found == Counter(expected.keys()), "nothing twice, nothing missing"
    assert {(line["arm"], line["example_id"]): line["text"] for line in lines} == expected
    assert len(server.asked) - asked <= 3 + 2, "at most what was under way is asked twice"


def test_a_model_that_never_stops_is_cut_and_counted(tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.begin_stream()
        for _ in range(handler.asked["max_tokens"]):
            handler.chunk('data: {"choices": [{"delta": {"content": "on and "}, "finish_reason": null}]}\n\n')
        handler.chunk('data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\ndata: [DONE]\n\n')
        handler.chunk("")

    spec = CompareSpec(arms=("endpoint:here",), max_new_tokens=5)
    run = make_run(tmp_path / "run", spec, test=colour_rows(2))
    with serving(endless) as server:
        write_answering(run, {"endpoint:here": Answering(endpoint=server.endpoint())})
        run_here(run)
    lines = read_json_lines(run.predictions_path)[0]
    assert [(line["stop_reason"], line["is_cut"], line["text"]) for line in lines] == [
        ("length", True, "on and " * 5)
    ] * 2


@pytest.mark.parametrize(
    "rows",
    [
        [FrozenRow(1, "colour", "sky", "blue")],
        [FrozenRow(number, "colour", f"thing {number}", "blue") for number in range(3)],
        [FrozenRow(1, "", "sky", ""), FrozenRow(2, "", "sea", "it is blue")],
    ],
    ids=["one row", "one class", "no task, an empty reference"],
)
def test_small_test_splits_are_compared(tmp_path: Path, rows: list[FrozenRow], server: Server) -> None:
    spec = CompareSpec(arms=("endpoint:here", "endpoint:here+rag:1"))
    run = make_run(tmp_path / "run", spec, test=rows)
    endpoint = Answering(endpoint=server.endpoint())
    write_answering(run, dict.fromkeys(spec.arms, endpoint))
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    assert len(read_json_lines(run.predictions_path)[0]) == 2 * len(rows)


def test_without_a_row_nothing_is_asked_and_the_next_step_is_said(tmp_path: Path, server: Server) -> None:
    spec = CompareSpec(arms=("endpoint:here",))
    run = make_run(tmp_path / "run", spec, test=[])
    write_answering(run, {"endpoint:here": Answering(endpoint=server.endpoint())})
    final = run_here(run)[-1]
    assert final["event"] == "failed" and "studio split" in final["hint"] and not server.asked
    assert not named(read_json_lines(run.events_path)[0], "progress")
