"""Trying prompts: a process of its own holds the models and streams what they answer."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from studio.acts.answering import TunedRun, answering_by, model_answering, tuned_runs
from studio.acts.training import frozen
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.interpreter import child_environment, python_module
from studio.project import Project
from studio.runs.arms.answering import Answering
from studio.runs.arms.arm import Prompting
from studio.runs.arms.rag import with_passages
from studio.runs.directory import FrozenRow, runs_in
from studio.runs.retrieval.documents import read_documents
from studio.runs.retrieval.index import Index
from studio.runs.specs import CompareSpec
from studio.runs.trying import TrySettings
from studio.runs.watch import RunWatch
from studio.tokens.pairs import pair_of
from studio.tokens.rendering import Message
from studio.tokens.template import messages_of

Reply = dict[str, Any]

# Where no run says otherwise. One row at a time moves weights, not numbers: float32 is never far behind, and often far
# ahead on a CPU.
USUAL_DTYPE = "float32"
KEPT_FROM = "Try"


@dataclass(frozen=True)
class TriedArm:
    """One arm as it is asked: ``answering`` says who, ``messages`` what, ``sources`` what a search found for it."""

    text: str
    answering: Answering
    messages: list[Message]
    sources: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Question:
    """One prompt to several arms, with all that the answering process needs."""

    arms: list[TriedArm]
    dtype: str
    settings: TrySettings


def question_for(
    project: Project, store: Store | None, settings: TrySettings, prompt: str, contexts: Mapping[str, str]
) -> Question:
    """What every arm is asked; ``contexts`` are the turns before the prompt (see ``turns``), by the arm's text.

    Raises StudioError where who answers is not there, or what is to be shown.
    """
    spec = CompareSpec(arms=settings.arms, run_id=settings.run_id, base_model=settings.base_model)
    runs = tuned_runs(project, spec)
    answering = answering_by(project, _on_a_base_model(project, spec, runs), runs)
    arms = []
    for arm in spec.parsed_arms:
        shots, found = _shown(store, arm.prompting, settings, prompt)
        asked = with_passages(prompt, [text for _, text in found])
        messages = messages_of(asked, settings.system, list(map(pair_of, shots)), contexts.get(arm.text, ""))
        arms.append(TriedArm(arm.text, answering[arm.text], messages, [source for source, _ in found]))
    return Question(arms, _dtype_of(project, next(iter(runs.values()), None)), settings)


def _on_a_base_model(project: Project, spec: CompareSpec, runs: Mapping[str, TunedRun]) -> CompareSpec:
    """The spec with the base model that it names, or that its first run was trained on, or the project's."""
    if not spec.needs_base_model:
        return spec
    run = next(iter(runs.values()), None)
    if run is not None and not spec.base_model:
        trained = run.spec
        return replace(
            spec, base_model=trained.base_model, model_path=trained.model_path, is_trusted=trained.is_trusted
        )
    name = spec.base_model or project.settings().base_model
    base = model_answering(project, name)
    return replace(spec, base_model=name, model_path=base.model_path, is_trusted=base.is_trusted)


def _shown(
    store: Store | None, prompting: Prompting, settings: TrySettings, prompt: str
) -> tuple[list[FrozenRow], list[tuple[str, str]]]:
    """The worked examples of a prompt, and what a search finds for it: (source, text), the best first."""
    pool: list[FrozenRow] = []
    if prompting.needs_rows:
        if store is None:
            raise AskedWrongly("the data is closed: there is nothing to show.", "Choose arms without examples.")
        tasks = [settings.task] if settings.task else []
        pool = frozen(store.rows_for("train", tasks=tasks, labels=("accept", "none"), where=""))
        if len(pool) < max(prompting.shots, 1):
            raise AskedWrongly(f"the train split has only {len(pool)} rows to show.", "Use fewer, or studio split.")
    asked = FrozenRow(0, settings.task, prompt, "")
    shots = prompting.choose(pool, prompting.shots, settings.seed)(asked)
    return shots, _found(prompting, pool, prompt) if prompting.passages else []


def _found(prompting: Prompting, pool: Sequence[FrozenRow], prompt: str) -> list[tuple[str, str]]:
    if prompting.documents:
        documents = read_documents(
            Path(prompting.documents).expanduser(), CompareSpec.passage_words, CompareSpec.passage_overlap
        )
        known = [(each.source, each.text) for each in documents.passages]
    else:
        known = [(f"example {row.example_id}", f"{row.prompt}\n{row.completion}") for row in pool]
    best = Index([text for _, text in known]).best(prompt, prompting.passages)
    return [known[number] for number, score in best if score > 0]


def _dtype_of(project: Project, run: TunedRun | None) -> str:
    """The dtype in which this run was compared last, else trained: dtypes answer differently, and Try must not
    contradict Compare."""
    if run is None:
        return USUAL_DTYPE
    run_id = run.directory.run_id
    for directory in runs_in(project.runs_path):
        state = RunWatch(directory).poll()
        if isinstance(state.spec, CompareSpec) and state.spec.run_id == run_id and state.dtype:
            return state.dtype
    return RunWatch(run.directory).poll().dtype or USUAL_DTYPE


@dataclass(frozen=True)
class Kept:
    """Which rows an answer was kept in, and what that did, in words."""

    example_ids: list[int]
    summary: str


def keep_answer(store: Store, prompt: str, answer: str, settings: TrySettings, context: str) -> Kept:
    """Keep an answer in the data, as one undo step.

    Where rows have this very prompt, and the turns before it, the answer corrects the first of them; else it is a new
    row. Raises AskedWrongly for an answer that is empty.
    """
    if not answer.strip():
        raise AskedWrongly("there is no answer to keep.", "Ask first.")
    if same := store.examples_asking(prompt, context):
        store.set_text(same[0], completion=answer)
        return Kept(same[:1], f"example {same[0]} has this answer now; u takes it back")
    row = Candidate(prompt, answer, settings.task, settings.system, KEPT_FROM, context=context)
    if not store.add([row], KEPT_FROM).added:
        return Kept([], "this row was in the data already")
    made = store.examples_asking(prompt, context)
    return Kept(made, f"kept as example {made[-1]}; u takes it back")


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

    def ask(self, request_id: int, question: Question) -> None:
        """Ask; replies come to ``on_reply``. A process that has ended has said so there already."""
        settings = question.settings
        sampling = {name: getattr(settings, name) for name in ("temperature", "top_p", "seed")}
        request = {
            "id": request_id,
            "dtype": question.dtype,
            "max_new_tokens": settings.max_new_tokens,
            **sampling,
            "arms": [
                {"arm": arm.text, "answering": asdict(arm.answering), "messages": arm.messages} for arm in question.arms
            ],
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
