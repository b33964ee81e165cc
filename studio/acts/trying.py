"""Trying prompts: a process of its own holds the models and streams what they answer."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from studio.acts.answering import tuned_path
from studio.errors import AskedWrongly
from studio.interpreter import child_environment, python_module
from studio.models.finding import resolve_model
from studio.project import Project
from studio.runs.directory import RunDirectory, find_run, runs_in
from studio.runs.specs import CompareSpec, TrainSpec, read_spec
from studio.runs.watch import RunWatch

Reply = dict[str, Any]

# Where no run says otherwise. One row at a time moves weights, not numbers: float32 is never far behind, and often far
# ahead on a CPU.
USUAL_DTYPE = "float32"


@dataclass(frozen=True)
class Answering:
    """Which models answer, and in which dtype: a base model, and a run's adapter or model beside it if there is one."""

    model_path: str
    is_trusted: bool = False
    tuned_path: str = ""
    tuned_method: str = ""
    dtype: str = USUAL_DTYPE


def answering_by(project: Project, model: str = "", run_id: str = "") -> Answering:
    """The models behind ``try --model`` or ``try --run``. Raises StudioError where they are not there."""
    settings = project.settings()
    if not run_id:
        name = model or settings.base_model
        return Answering(str(resolve_model(name, settings.trusted_models).path), name in settings.trusted_models)
    run = find_run(project.runs_path, run_id)
    spec = read_spec(run)
    if not isinstance(spec, TrainSpec):
        raise AskedWrongly(f"{run.run_id} is a {spec.kind} run, not a train run.")
    folder = tuned_path(run, spec).resolve()
    return Answering(spec.model_path, spec.is_trusted, str(folder), spec.method, _dtype_of(project, run))


def _dtype_of(project: Project, run: RunDirectory) -> str:
    """The dtype in which this run was compared last, else trained: dtypes answer differently, and Try must not
    contradict Compare."""
    for directory in runs_in(project.runs_path):
        state = RunWatch(directory).poll()
        if isinstance(state.spec, CompareSpec) and state.spec.run_id == run.run_id and state.dtype:
            return state.dtype
    return RunWatch(run).poll().dtype or USUAL_DTYPE


class Answerer:
    """The answering process. ``on_reply`` is called from a thread, with one dict per piece of an answer.

    A new question cancels the one before; replies carry its ``id``, so late ones can be told apart. When the process
    ends by itself, a last reply ``{"error": {...}}`` says so.
    """

    def __init__(self, on_reply: Callable[[Reply], None]) -> None:
        self._on_reply = on_reply
        self._is_closing = False
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            python_module("studio.worker.trying"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            env=child_environment(),
            start_new_session=True,  # ctrl+c in the terminal is for the studio alone
        )
        self._reader = threading.Thread(target=self._read, name="answers", daemon=True)
        self._reader.start()

    def ask(self, request_id: int, by: Answering, prompt: str, system: str = "", max_new_tokens: int = 256) -> None:
        """Ask; replies come to ``on_reply``. A process that has ended has said so there already."""
        request = {
            "id": request_id,
            "model_path": by.model_path,
            "is_trusted": by.is_trusted,
            "tuned_path": by.tuned_path,
            "tuned_method": by.tuned_method,
            "dtype": by.dtype,
            "prompt": prompt,
            "system": system,
            "max_new_tokens": max_new_tokens,
        }
        self._send(request)

    def cancel(self) -> None:
        """Stop the answer under way."""
        self._send({"cancel": True})

    def close(self) -> None:
        """End the process; safe to call twice."""
        self._is_closing = True
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._reader.join(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:  # a question that nobody will read any more
                    continue
        self._errors.close()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):  # the reader thread reports the end, with its reason
            return

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._on_reply(json.loads(line))
        self._process.wait()
        if not self._is_closing:
            self._errors.seek(0)
            last = self._errors.read().strip().splitlines()[-1:]
            hint = last[0] if last else f"exit code {self._process.returncode}"
            self._on_reply({"error": {"message": "the answering process has ended.", "hint": hint}})
