"""The demo: the main job, whole, on the embedded model and the sample data.

Every step asks the project folder whether it is done already, so a demo that was left goes on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from studio.acts.comparing import start_comparison
from studio.acts.importing import confirm_import, preview_import
from studio.acts.sample_data import sample_data_path
from studio.acts.training import resume_run, start_training
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import DEFAULT_MODEL, Project
from studio.runs.directory import RunDirectory, runs_in
from studio.runs.specs import CompareSpec, TrainSpec
from studio.runs.state import RunState
from studio.runs.watch import RunWatch
from studio.sharing.opening import open_store

TASK = "tickets"
# (files, test share, validation share). Only rows without a split of their own are split by these shares: the tickets
# bring their test rows along, in a file that no setting below was chosen by.
SAMPLE_FILES = (
    (("tickets.jsonl", "tickets_test.jsonl"), 0.0, 0.2),
    (("tone.csv", "summaries.jsonl"), 0.15, 0.05),
)
# Small batches make many steps of few rows; the micro-batch is fixed so that every machine cuts its batches alike.
# Chosen by the validation split: learning rates of 1e-3 and 2e-3 leave a higher loss there; two epochs leave a lower
# one, but on a slow day would not let the demo end within six minutes.
TRAIN_SPEC = TrainSpec(
    tasks=(TASK,),
    epochs=1.4,
    batch_size=4,
    micro_batch_size=2,
    learning_rate=1.5e-3,
    max_length=256,
    eval_every=29,
)
PROMPTING_SPEC = CompareSpec(
    arms=("zero_shot", "one_shot", "few_shot:5"), tasks=(TASK,), limit=40, batch_size=32, latency_rows=2, probe_rows=0
)


def open_sample_project(root: Path) -> Project:
    """A project with the sample data in it, split; one that is there already is left as it is."""
    project = Project.init(root, DEFAULT_MODEL, max_length=TRAIN_SPEC.max_length)
    with open_store(project.store_path, project.settings().who) as store:
        if not store.stats().examples:
            add_samples(store)
    return project


def add_samples(store: Store) -> None:
    """The sample data into the store, split; what it has already is left as it is."""
    for names, test, validation in SAMPLE_FILES:
        confirm_import(store, preview_import(store, [sample_data_path() / name for name in names]))
        store.assign_splits(test, validation, keep_assigned=True)


@dataclass
class Demo:
    """Moves the demo on, one step per call; the app or the headless verb calls it about once a second."""

    project: Project
    wanted_screen: str | None = None
    is_over: bool = False

    def advance(self, store: Store) -> str | None:
        """Take the next step if one is due; a sentence when something happened, else None.

        Raises StudioError, once, when a run of the demo failed or was stopped; the demo is over then.
        """
        if self.is_over:
            return None
        try:
            return self._step(store)
        except StudioError:
            self.is_over = True
            raise

    def runs(self) -> list[RunDirectory]:
        """The demo's runs so far, in the order they were started."""
        return runs_in(self.project.runs_path)[::-1]

    def _step(self, store: Store) -> str | None:
        train = self._newest("train")
        if train is None:
            run_id = start_training(self.project, store, TRAIN_SPEC)
            self.wanted_screen = "runs"
            return f"{run_id} has started: fine-tuning on the {TASK} of the train split"
        if not self._has_finished(train):
            self.wanted_screen = "runs"
            return None
        compare = self._newest("compare")
        self.wanted_screen = "compare"
        if compare is None:
            spec = replace(PROMPTING_SPEC, arms=(*PROMPTING_SPEC.arms, "tuned"), run_id=train.run_id)
            run_id = start_comparison(self.project, store, spec)
            return f"{run_id} has started: every arm answers the test split"
        if not self._has_finished(compare):
            return None
        self.is_over = True
        return "the demo is done: the table shows what fine-tuning brought"

    def _newest(self, kind: str) -> RunState | None:
        states = (RunWatch(directory).poll() for directory in runs_in(self.project.runs_path))
        return next((state for state in states if state.kind == kind), None)

    def _has_finished(self, state: RunState) -> bool:
        if state.status == "lost":  # killed from outside: the demo shows that nothing is lost by it
            resume_run(self.project, state.run_id)
            return False
        if state.status in ("failed", "stopped", "damaged"):
            raise StudioError(
                f"{state.run_id} {state.status}. {state.message}".strip(), state.hint or "p on Runs resumes it"
            )
        return state.status == "finished"
