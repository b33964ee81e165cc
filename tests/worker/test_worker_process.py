"""The run's process from outside: killed, told to stop, resumed; and what it never imports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.cli.running import follow
from studio.files import JsonObject, is_locked, read_json_lines, take_lock
from studio.runs.directory import RunDirectory
from studio.runs.events import Event, EventWriter, Step
from studio.runs.fingerprint import accept_packages
from studio.runs.resuming import refusal_to_resume
from studio.runs.specs import TrainSpec, read_spec
from studio.runs.status import Status
from studio.runs.watch import RunWatch
from studio.tokens.tokenizer import ModelFolder
from tests.worker.worker_runs import colour_rows, make_run, named, run_here, start_process, tiny_spec

TIMEOUT_SECONDS = 60.0


def long_spec(model: Path, **settings: object) -> TrainSpec:
    return tiny_spec(model, epochs=10, eval_every=7, save_every=5, **settings)


def long_run(folder: Path, spec: TrainSpec) -> RunDirectory:
    return make_run(folder, spec, train=colour_rows(14), validation=colour_rows(3, start=100))


def wait_for(directory: RunDirectory, is_enough: Callable[[list[JsonObject]], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_enough(read_json_lines(directory.events_path)[0]):
        assert time.monotonic() < deadline, directory.log_path.read_text()
        time.sleep(0.005)


def losses(events: list[JsonObject]) -> dict[int, float]:
    """Step → its loss; a step done again after a resume replaces the first."""
    return {event["step"]: event["loss"] for event in named(events, "step")}


def evaluations(events: list[JsonObject]) -> dict[int, float]:
    return {event["step"]: event["eval_loss"] for event in named(events, "evaluation")}


def test_a_killed_run_resumes_and_ends_as_if_never_interrupted(tmp_path: Path, tiny_model_folder: Path) -> None:
    spec = long_spec(tiny_model_folder, lora_dropout=0.1)  # dropout: the random state must come back too
    whole = long_run(tmp_path / "whole", spec)
    uninterrupted = run_here(whole)

    killed = long_run(tmp_path / "killed", spec)
    process = start_process(killed, STUDIO_CACHE=str(tmp_path / "cache"))
    wait_for(killed, lambda events: len(losses(events)) >= 17)
    process.kill()
    process.wait()
    assert not is_locked(killed.lock_path)
    assert RunWatch(killed).poll().status is Status.LOST
    with killed.events_path.open("ab") as torn:
        torn.write(b'{"event": "step", "step": 9')

    resumed = run_here(killed)
    (note,) = named(resumed, "resumed")
    assert note["step"] >= 15
    assert resumed[-1]["event"] == "finished"
    assert losses(resumed) == pytest.approx(losses(uninterrupted), abs=1e-6)
    assert evaluations(resumed) == pytest.approx(evaluations(uninterrupted), abs=1e-6)
    assert named(resumed, "step")[-1]["tokens"] == named(uninterrupted, "step")[-1]["tokens"]
    expected = load_file(whole.result_path("adapter") / "adapter_model.safetensors")
    for name, tensor in load_file(killed.result_path("adapter") / "adapter_model.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=1e-6)


def test_sigterm_finishes_the_step_and_saves_and_the_import_of_torch_waits_for_started(
    tmp_path: Path, tiny_model_folder: Path
) -> None:
    run = long_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=2000))
    process = start_process(run, STUDIO_CACHE=str(tmp_path / "cache"), PYTHONPROFILEIMPORTTIME="1")
    os.kill(process.pid, signal.SIGHUP)  # a terminal that closes, at the worst moment
    wait_for(run, lambda events: bool(named(events, "started")) or process.poll() is not None)
    if process.poll() is not None:  # the signal came before Python could ignore it: launch() uses setsid for that
        process = start_process(run, STUDIO_CACHE=str(tmp_path / "cache"), PYTHONPROFILEIMPORTTIME="1")
    wait_for(run, lambda events: len(losses(events)) >= 2)
    os.kill(process.pid, signal.SIGHUP)
    reached = max(losses(read_json_lines(run.events_path)[0]))
    wait_for(run, lambda events: max(losses(events)) > reached)
    process.terminate()
    process.terminate()
    assert process.wait(TIMEOUT_SECONDS) == 0
    events, _ = read_json_lines(run.events_path)
    last = max(losses(events))
    assert (events[-1]["event"], events[-1]["step"]) == ("stopped", last)
    assert (run.checkpoints_path / f"step-{last}").is_dir()
    assert (run.result_path("adapter") / "adapter_model.safetensors").exists()
    imported = {line.rpartition("|")[2].strip() for line in run.log_path.read_text().splitlines() if "|" in line}
    assert "torch" in imported
    assert not {"textual", "duckdb"} & imported


def test_started_is_written_before_torch_is_imported(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", TrainSpec(model_path="nowhere"))
    script = (
        "import sys, studio.worker.__main__ as worker\n"
        "from studio.runs.events import EventWriter\n"
        "write = EventWriter.write\n"
        "def spy(self, event):\n"
        "    print(event.NAME, sorted({'torch', 'transformers', 'textual', 'duckdb'} & set(sys.modules)))\n"
        "    write(self, event)\n"
        "EventWriter.write = spy\n"
        f"worker._dispatch = lambda *_: None\n"
        f"worker.main([{str(run.path)!r}])\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "started []\n"


def test_a_stop_file_ends_the_run_with_a_checkpoint_and_a_resume_ends_it_alike(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = long_spec(tiny_model_folder)
    uninterrupted = run_here(long_run(tmp_path / "whole", spec))
    run = long_run(tmp_path / "run", spec)
    write = EventWriter.write

    def write_and_stop(writer: EventWriter, event: Event) -> None:
        write(writer, event)
        if isinstance(event, Step) and event.step == 14:  # where an evaluation is due, which the stop puts off
            run.stop_path.touch()

    monkeypatch.setattr(EventWriter, "write", write_and_stop)
    events = run_here(run)
    assert events[-1]["event"] == "stopped"
    assert events[-1]["step"] == 14
    assert 14 not in evaluations(events)
    assert (run.result_path("adapter") / "adapter_model.safetensors").exists()
    monkeypatch.undo()
    run.stop_path.unlink()
    monkeypatch.setattr("studio.worker.compute.measure.thread_counts", lambda: [1])
    resumed = run_here(run)
    assert resumed[-1]["event"] == "finished"
    assert losses(resumed) == pytest.approx(losses(uninterrupted), abs=1e-6)
    assert evaluations(resumed) == pytest.approx(evaluations(uninterrupted), abs=1e-6)
    assert resumed[-1]["best_eval_loss"] == pytest.approx(uninterrupted[-1]["best_eval_loss"], abs=1e-6)


def test_a_resume_on_changed_rows_is_refused(tmp_path: Path, tiny_model_folder: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(8))
    run_here(run)
    with run.rows_path("train").open("a") as rows:
        rows.write(run.rows_path("train").read_text().splitlines()[0] + "\n")
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert "train.jsonl has changed since this run began" in final["message"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stopped run is kept that the stories below damage copies of."""
    return tmp_path_factory.mktemp("stopped") / "run"


def stopped_run(folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of 40 steps, stopped behind step 12; its checkpoints are of step 10, where one is due, and of that one."""
    run = long_run(folder, tiny_spec(model, epochs=10, save_every=5))
    write = EventWriter.write

    def write_and_stop(writer: EventWriter, event: Event) -> None:
        write(writer, event)
        if isinstance(event, Step) and event.step == 12:
            run.stop_path.touch()

    with monkeypatch.context() as patch:
        patch.setattr(EventWriter, "write", write_and_stop)
        assert run_here(run)[-1]["event"] == "stopped"
    run.stop_path.unlink()
    return run


@pytest.fixture
def stopped(kept: Path, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A copy of one ``stopped_run``, to damage."""
    if not kept.exists():
        stopped_run(kept, tiny_model_folder, monkeypatch)
    return RunDirectory(shutil.copytree(kept, tmp_path / "run"))


@pytest.mark.parametrize("name", ["weights.safetensors", "training.pt", "progress.json", "spec.json"])
def test_a_newest_checkpoint_that_the_disk_damaged_is_passed_over_for_the_one_before_and_that_is_said(
    name: str,
    stopped: RunDirectory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    newest, before = stopped.checkpoint_paths()[:2]
    assert newest.name == "step-12"
    content = bytearray((newest / name).read_bytes())
    content[len(content) // 2] ^= 1
    (newest / name).write_bytes(content)

    events = run_here(stopped)
    assert named(events, "resumed")[-1]["step"] == int(before.name.removeprefix("step-")) < 12
    said = next(event for event in named(events, "warning") if "checkpoint step-12" in event["message"])
    assert name in said["message"] and f"it goes on from {before.name}, the one before" in said["message"]
    assert events[-1]["event"] == "finished"
    assert sorted(losses(events)) == list(range(1, 41))
    state = RunWatch(stopped).poll()
    assert any("checkpoint step-12" in message for _, message in state.series.warnings)
    follow(stopped)
    assert f"run  warning at step {before.name.removeprefix('step-')}: checkpoint step-12" in capsys.readouterr().err
    assert (stopped.checkpoints_path / "damaged-step-12").is_dir()


def test_where_every_checkpoint_is_damaged_the_run_does_not_begin_anew_by_itself(stopped: RunDirectory) -> None:
    for path in stopped.checkpoint_paths():
        (path / "weights.safetensors").write_bytes(b"torn")
    final = run_here(stopped)[-1]
    assert final["event"] == "failed" and "no checkpoint of this run is whole" in final["message"]
    assert "delete" in final["hint"]


@pytest.mark.parametrize(("name", "value"), [("lora_rank", 2), ("batch_size", 3), ("seed", 5)])
def test_a_setting_edited_between_two_lives_is_refused_by_name(name: str, value: int, stopped: RunDirectory) -> None:
    spec = json.loads(stopped.spec_path.read_text())
    began = spec[name]
    stopped.spec_path.write_text(json.dumps({**spec, name: value}))
    words = f"{name} was {began} when this run began, spec.json says {value}."
    edited = read_spec(stopped)
    assert isinstance(edited, TrainSpec)
    refusal = refusal_to_resume(stopped, edited)
    assert refusal is not None and refusal.message == words
    assert run_here(stopped)[-1]["message"] == words


def test_a_resume_on_anything_else_than_the_run_began_on_is_refused_and_says_what_changed(
    tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(tiny_model_folder, tmp_path / "model")
    run = stopped_run(tmp_path / "run", model, monkeypatch)
    spec = read_spec(run)
    assert isinstance(spec, TrainSpec) and refusal_to_resume(run, spec) is None

    def refused_after(path: Path, change: Callable[[bytes], bytes]) -> str:
        content = path.read_bytes()
        path.write_bytes(change(content))
        final, refusal = run_here(run)[-1], refusal_to_resume(run, spec)
        path.write_bytes(content)
        assert refusal is not None and final["event"] == "failed"
        assert final["message"] == refusal.message and final["hint"]
        return refusal.message

    template = model / "chat_template.jinja"
    assert "chat template" in refused_after(template, lambda text: text.replace(b"'role'] + '", b"'role'] + ':"))
    assert "the weights of the base model have changed" in refused_after(
        model / "model.safetensors", lambda weights: weights[:-40_000] + bytes(20_000) + weights[-20_000:]
    )
    assert "the tokenizer has changed" in refused_after(model / "tokenizer.json", lambda text: text + b" ")
    assert "validation.jsonl has changed" in refused_after(run.rows_path("validation"), lambda rows: rows + rows)
    assert "the base model is not there any more" in refused_without(model, run, spec)
    monkeypatch.setattr("studio.runs.fingerprint.version", lambda name: "99.0")
    refusal = refusal_to_resume(run, spec)
    assert refusal is not None and "99.0 is installed now" in refusal.message and "--anyway" in refusal.hint
    accept_packages(run)
    assert refusal_to_resume(run, spec) is None
    assert run_here(run)[-1]["event"] == "finished"


def refused_without(model: Path, run: RunDirectory, spec: TrainSpec) -> str:
    away = model.rename(model.with_name("away"))
    refusal = refusal_to_resume(run, spec)
    away.rename(model)
    return refusal.message if refusal else ""


def test_a_checkpoint_of_an_older_studio_that_does_not_fit_says_which_shape(stopped: RunDirectory) -> None:
    for path in stopped.checkpoint_paths():
        (path / "spec.json").unlink()
        progress = json.loads((path / "progress.json").read_text())
        del progress["sha256"]
        (path / "progress.json").write_text(json.dumps(progress))
    stopped.spec_path.write_text(json.dumps({**json.loads(stopped.spec_path.read_text()), "lora_rank": 2}))
    assert "the checkpoint does not fit spec.json" in run_here(stopped)[-1]["message"]


def test_what_a_run_makes_is_nobody_else_s_to_read(tmp_path: Path, tiny_model_folder: Path) -> None:
    from studio.worker.__main__ import main

    before = os.umask(0o022)
    try:
        run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder, epochs=1), train=colour_rows(4))
        run.path.chmod(0o700)
        assert main([str(run.path)]) == 0
    finally:
        os.umask(before)
    made = {path: path.stat().st_mode & 0o777 for path in run.path.rglob("*")}
    assert {path.name: oct(mode) for path, mode in made.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_a_run_directory_that_vanishes_is_an_error_that_says_so(
    tmp_path: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = long_run(tmp_path / "run", long_spec(tiny_model_folder))
    write = EventWriter.write

    def write_and_vanish(writer: EventWriter, event: Event) -> None:
        write(writer, event)
        if isinstance(event, Step) and run.path.exists():
            run.path.rename(tmp_path / "gone")

    monkeypatch.setattr(EventWriter, "write", write_and_vanish)
    run_here(run)
    events, _ = read_json_lines(tmp_path / "gone" / "events.jsonl")
    assert events[-1]["event"] == "failed"
    assert "was removed" in events[-1]["message"]
    assert "Traceback" not in capsys.readouterr().err
    assert not run.path.exists()


def test_a_second_process_on_the_same_run_is_turned_away(tmp_path: Path) -> None:
    from studio.worker.__main__ import main

    run = make_run(tmp_path / "run", TrainSpec(model_path="nowhere"))
    with take_lock(run.lock_path), pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.files.time.monotonic", iter(range(0, 1000, 10)).__next__)
        assert main([str(run.path)]) == 2
    assert not run.events_path.exists()


def test_a_worker_that_cannot_write_its_first_event_says_why_in_its_log(
    tmp_path: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tiny_model_folder), train=colour_rows(4))
    run.events_path.symlink_to("/dev/full")
    from studio.worker.__main__ import main

    assert main([str(run.path)]) == 1
    assert "No space left on device" in (said := capsys.readouterr().err) and "Traceback" not in said


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "pickle"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json"),
        (lambda folder: _change_config(folder, auto_map={"AutoModel": "x.Y"}), "code of its own"),
        (lambda folder: _change_config(folder, is_encoder_decoder=True), "encoder-decoder"),
        (lambda folder: _change_config(folder, model_type="never-heard-of"), "cannot be loaded"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"not weights"), "cannot be loaded"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_with_the_reason(
    spoil: Callable[[Path], object], words: str, tmp_path: Path, tiny_model_folder: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in tiny_model_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    spoil(folder)
    run = make_run(tmp_path / "run", tiny_spec(folder), train=colour_rows(2))
    final = run_here(run)[-1]
    assert final["event"] == "failed"
    assert words in final["message"]
    assert "Error" not in final["message"].split(":")[0]


def _change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_model_folder_that_vanishes_while_the_run_works_costs_nothing_of_its_result(
    method: str, tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shutil.copytree(tiny_model_folder, tmp_path / "model")
    run = make_run(tmp_path / "run", tiny_spec(model, method=method, epochs=2), train=colour_rows(8))
    write = EventWriter.write

    def write_and_take_away(writer: EventWriter, event: Event) -> None:
        write(writer, event)
        if isinstance(event, Step) and event.step == 1:
            model.rename(tmp_path / "elsewhere")

    monkeypatch.setattr(EventWriter, "write", write_and_take_away)
    events = run_here(run)
    assert events[-1]["event"] == "finished", events[-1]
    if method == "full":  # a folder that can be used wherever a model is named
        assert ModelFolder(run.result_path("model")).fingerprint == ModelFolder(tiny_model_folder).fingerprint
    else:
        assert (run.result_path("adapter") / "adapter_model.safetensors").exists()


def test_a_run_whose_model_is_gone_before_it_begins_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", tiny_spec(tmp_path / "nowhere"), train=colour_rows(4))
    final = run_here(run)[-1]
    assert final["event"] == "failed" and "nowhere: no such model folder" in final["message"] and final["hint"]
