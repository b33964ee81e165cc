"""A run that does not fit into memory goes on in smaller pieces, with the same numbers, and says so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from studio.files import read_json_lines
from studio.runs.directory import FrozenRow
from studio.runs.watch import RunWatch
from studio.tokens.encoding import Encoded
from studio.worker import memory
from studio.worker.compute.measure import Choice
from studio.worker.families.causal import CausalLearner
from studio.worker.memory import available_bytes, is_out_of_memory
from studio.worker.training.smaller_batches import smaller
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, tiny_spec

TIMEOUT_SECONDS = 240.0  # some seconds of work, on a machine that may have much else to do
TORCH_SAYS = "[enforce fail at alloc_cpu.cpp:132] DefaultCPUAllocator: can't allocate memory: you tried"


def refuse_more_than(rows_at_once: int, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    """Memory for so many rows, once ``after`` larger micro-batches have had enough."""
    collate, had = CausalLearner.collate, list[int]()

    def refusing(learner: CausalLearner, rows: Sequence[Encoded], skip: int = 0) -> Any:
        if len(rows) > rows_at_once:
            had.append(len(rows))
            if len(had) > after:
                raise RuntimeError(TORCH_SAYS)
        return collate(learner, rows, skip)

    monkeypatch.setattr(CausalLearner, "collate", refusing)


@pytest.mark.parametrize(
    ("method", "dtype", "lanes"), [("lora", "float32", 1), ("full", "float32", 2), ("full", "bfloat16", 2)]
)
def test_a_step_that_does_not_fit_is_computed_again_in_halves_and_gives_the_same_losses(
    method: str, dtype: str, lanes: int, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.worker.compute.measure.thread_counts", lambda: [lanes])
    spec = tiny_spec(
        tiny_model_folder, method=method, dtype=dtype, micro_batch_size=2, batch_size=4 * lanes, learning_rate=1e-3
    )
    rows = {"train": colour_rows(16), "validation": colour_rows(5, start=50)}
    enough = run_here(make_run(tmp_path / "enough", spec, **rows))
    refuse_more_than(1, monkeypatch, after=5)
    run = make_run(tmp_path / "short", spec, **rows)
    events = run_here(run)

    assert events[-1]["event"] == "finished", events[-1]
    tolerance = 1e-5 if dtype == "float32" else 2e-2  # bfloat16 rounds each micro-batch's products
    for kind, what in (("step", "loss"), ("evaluation", "eval_loss")):
        assert [event[what] for event in named(events, kind)] == pytest.approx(
            [event[what] for event in named(enough, kind)], abs=tolerance
        )
    assert [event["step"] for event in named(events, "step")] == [event["step"] for event in named(enough, "step")]
    said = named(events, "warning")[-1]
    assert "micro-batches of 1 row instead of 2" in said["message"] and "the batch stays as it is" in said["message"]
    assert any("not enough memory" in message for _, message in RunWatch(run).poll().series.warnings)
    assert [plan["micro_batch_size"] for plan in named(events, "plan")][-2:] == [2, 1]


def test_a_resume_keeps_the_smaller_pieces_that_fitted(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, micro_batch_size=4), train=colour_rows(8))
    refuse_more_than(2, monkeypatch)
    run_here(run)
    before = len(named(run_here(run), "warning"))
    events = run_here(run)  # a third life on a finished run: it prepares, and has nothing left to learn
    assert named(events, "plan")[-1]["micro_batch_size"] == 2
    assert len(named(events, "warning")) == before == 1


def test_an_evaluation_that_does_not_fit_is_done_again_in_halves(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """axolotl issue 1813: the steps fitted, and the run died in its evaluation."""
    spec = tiny_spec(tiny_model_folder, micro_batch_size=4)
    run = make_run(tmp_path / "run", spec, train=colour_rows(4), validation=colour_rows(9, start=50))
    collate = CausalLearner.collate

    def refusing(learner: CausalLearner, rows: Sequence[Encoded], skip: int = 0) -> Any:
        if len(rows) > 2 and not learner.model.training:
            raise MemoryError
        return collate(learner, rows, skip)

    monkeypatch.setattr(CausalLearner, "collate", refusing)
    events = run_here(run)
    assert events[-1]["event"] == "finished"
    assert [plan["micro_batch_size"] for plan in named(events, "plan")] == [4, 2]


def test_where_not_even_one_row_fits_the_run_ends_and_says_what_to_change(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_more_than(0, monkeypatch)
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, method="full"), train=colour_rows(4))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert "step 1" in final["message"] and "one row at a time; the longest has" in final["message"]
    assert "max_length" in final["hint"] and "method=lora" in final["hint"]


@pytest.mark.parametrize(("method", "dtype"), [("lora", "float32"), ("lora", "bfloat16"), ("full", "bfloat16")])
def test_where_one_row_is_too_much_its_activations_are_computed_again_and_losses_stay(
    method: str, dtype: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a run: all that was learned stays, and a resume goes on in the same way."""
    spec = tiny_spec(tiny_model_folder, method=method, dtype=dtype, micro_batch_size=1, learning_rate=1e-3)
    rows = {"train": colour_rows(16), "validation": colour_rows(5, start=50)}
    enough = run_here(make_run(tmp_path / "enough", spec, **rows))
    collate, had = CausalLearner.collate, list[int]()

    def refusing(learner: CausalLearner, rows: Sequence[Encoded], skip: int = 0) -> Any:
        if learner.model.training and not learner.model.is_gradient_checkpointing:
            had.append(len(rows))
            if len(had) > 5:
                raise RuntimeError(TORCH_SAYS)
        return collate(learner, rows, skip)

    monkeypatch.setattr(CausalLearner, "collate", refusing)
    run = make_run(tmp_path / "short", spec, **rows)
    events = run_here(run)

    assert events[-1]["event"] == "finished", events[-1]
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    for kind, what in (("step", "loss"), ("step", "grad_norm"), ("evaluation", "eval_loss")):
        assert [event[what] for event in named(events, kind)] == pytest.approx(
            [event[what] for event in named(enough, kind)], rel=tolerance, abs=tolerance
        )
    assert "computed again in the backward pass" in named(events, "warning")[-1]["message"]
    assert [plan["recomputes"] for plan in named(events, "plan")][-1]
    told = len(named(events, "warning"))
    assert named(run_here(run), "plan")[-1]["recomputes"], "a resume is assembled so"
    assert len(named(run_here(run), "warning")) == told


def test_where_activations_are_not_to_be_computed_again_the_run_says_that_they_could_be(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_more_than(0, monkeypatch)
    spec = tiny_spec(tiny_model_folder, gradient_checkpointing="off")
    final = run_here(make_run(tmp_path / "run", spec, train=colour_rows(4)))[-1]
    assert final["event"] == "failed" and "gradient_checkpointing=on" in final["hint"]


def test_lanes_go_first_where_each_holds_a_gradient_of_every_weight() -> None:
    choice = Choice("float32", threads=4, micro_batch_size=2, lanes=4)
    assert smaller(choice, lanes_first=True) == Choice("float32", 4, 2, lanes=2)
    assert smaller(choice, lanes_first=False) == Choice("float32", 4, 1, lanes=4)
    assert smaller(Choice("float32", 4, 1, lanes=2), lanes_first=False) == Choice("float32", 4, 1, lanes=1)
    assert smaller(Choice("float32", 4, 1, lanes=1), lanes_first=True) is None


def test_an_error_that_only_sounds_large_is_no_lack_of_memory() -> None:
    assert is_out_of_memory(RuntimeError(TORCH_SAYS)) and is_out_of_memory(OSError(12, "Cannot allocate memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert available_bytes() > 0


@pytest.mark.parametrize(
    ("membership", "top", "limit", "use", "cached"),
    [
        ("0::/slurm/job_7", "", "memory.max", "memory.current", "inactive_file"),
        (
            "3:cpu:/other\n4:memory:/slurm/job_7",
            "memory",
            "memory.limit_in_bytes",
            "memory.usage_in_bytes",
            "total_inactive_file",
        ),
    ],
)
def test_the_limit_of_a_job_counts_and_of_the_groups_above_it_but_files_that_were_only_read_do_not(
    membership: str, top: str, limit: str, use: str, cached: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "cgroup" / top / "slurm" / "job_7"
    own.mkdir(parents=True)
    for group, most, used, of_files in ((own, "4000", "3000", "500"), (own.parent, "9000", "8000", "0")):
        (group / limit).write_text(f"{most}\n")
        (group / use).write_text(f"{used}\n")
        (group / "memory.stat").write_text(f"anon 2500\n{cached} {of_files}\n")
    (own.parent.parent / limit).write_text("max\n")
    (tmp_path / "own").write_text(f"{membership}\n")
    monkeypatch.setattr(memory, "_GROUPS_PATH", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_OWN_GROUPS_PATH", tmp_path / "own")
    assert sorted(memory._room_in_groups()) == [1000, 1500]
    assert available_bytes() == 1000
    monkeypatch.setattr(memory, "_OWN_GROUPS_PATH", tmp_path / "no such thing")
    assert memory._room_in_groups() == []


# Everything is imported before the limit: what is left then is for the run.
UNDER_A_LIMIT = """
import resource, sys, psutil
import studio.worker.training.train, transformers, peft, torch
from transformers import AutoModelForCausalLM
import transformers.models.llama.modeling_llama, peft.tuners.lora
from studio.worker.__main__ import main
torch.set_num_threads(1)
torch.ones(256, 256) @ torch.ones(256, 256)
limit = psutil.Process().memory_info().vms + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main([sys.argv[1]]))
"""


def test_under_ulimit_v_a_batch_that_does_not_fit_is_halved_until_it_does(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    """24 rows at once take about 300 MB; there are 130."""
    rows = [FrozenRow(number, "t", f"{number} " + "what " * 40, "blue " * 45) for number in range(24)]
    spec = tiny_spec(tiny_model_folder, batch_size=24, micro_batch_size=24, epochs=1)
    run = make_run(tmp_path / "run", spec, train=rows)
    command = [sys.executable, "-c", UNDER_A_LIMIT, str(run.path), str(130 << 20)]
    environment = {**os.environ, "STUDIO_CACHE": str(tmp_path / "cache"), "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=TIMEOUT_SECONDS)
    events, _ = read_json_lines(run.events_path)
    assert events[-1]["event"] == "finished", (events[-1], done.stderr)
    assert [event["step"] for event in named(events, "step")] == [1]
    assert named(events, "plan")[-1]["micro_batch_size"] < 24
    assert all("not enough memory" in event["message"] for event in named(events, "warning"))


def test_a_run_s_process_is_refused_what_the_machine_has_not_got(tmp_path: Path, tiny_model_folder: Path) -> None:
    """Else the kernel ends it without a word, which no run can answer."""
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(4))
    script = (
        "import sys, resource, studio.worker.training.train as train\n"
        "from studio.worker.__main__ import main\n"
        "prepare = train.prepare\n"
        "def look(*given):\n"
        "    print(resource.getrlimit(resource.RLIMIT_DATA)[0])\n"
        "    return prepare(*given)\n"
        "train.prepare = look\n"
        "main([sys.argv[1]])\n"
    )
    said = subprocess.run([sys.executable, "-c", script, str(run.path)], capture_output=True, text=True, check=True)
    if not sys.platform.startswith("linux"):
        pytest.skip("no limit on data is kept here")
    assert 0 < int(said.stdout) < 2 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
