"""A run's process on this machine: the environment that it gets, and that a run has only one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.runs.events import Started, read_events
from studio.runs.places import local
from studio.runs.places.local import run_environment
from tests.worker.worker_runs import colour_rows, make_run, tiny_spec


def test_two_trainings_at_once_do_not_wait_for_each_others_threads_at_full_speed() -> None:
    assert run_environment({"HOME": "/home/anna"})["GOMP_SPINCOUNT"] == "1000"


def test_whoever_chose_how_threads_wait_keeps_the_choice() -> None:
    assert "GOMP_SPINCOUNT" not in run_environment({"OMP_WAIT_POLICY": "ACTIVE"})
    assert run_environment({"GOMP_SPINCOUNT": "7"})["GOMP_SPINCOUNT"] == "7"


def test_a_run_on_rows_of_uneven_length_does_not_keep_a_compiled_product_for_every_length() -> None:
    environment = run_environment({"LRU_CACHE_CAPACITY": "7"})
    assert (environment["LRU_CACHE_CAPACITY"], environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) == ("7", "64")


def test_of_two_resumes_at_once_one_takes_the_run_and_the_other_says_so(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    run = make_run(tmp_path / "train-1", tiny_spec(tiny_model_folder, epochs=100_000), train=colour_rows(4))
    together, said = threading.Barrier(2), list[str]()

    def resume() -> None:
        together.wait()
        try:
            local.submit(run)
            said.append("started")
        except StudioError as error:
            said.append(f"{error.exit_code} {error}")

    both = [threading.Thread(target=resume) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (started,) = [event for event in read_events(run.events_path)[0] if isinstance(event, Started)]
    niceness = os.getpriority(os.PRIO_PROCESS, started.pid)
    group = Path(f"/proc/{started.pid}/autogroup")
    of_session = group.read_text() if group.exists() else ""
    local.cancel(run)
    assert niceness >= local.NICENESS, "keys go first"
    assert not of_session or of_session.split()[-1] == str(local.NICENESS), of_session
    refused, took = sorted(said)
    assert took == "started"
    assert refused == f"1 another resume took train-1: process {started.pid} works on it.\nstudio watch train-1"
