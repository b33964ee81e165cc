"""What to do next: gathered from the rows, the checks, the window and a comparison of prompts, before any training."""

from __future__ import annotations

from collections.abc import Callable

from studio.acts.answering import tuned_run_ids
from studio.acts.checking import run_checks
from studio.acts.comparing import load_comparison, start_comparison
from studio.acts.window import OnCounted, check_window
from studio.dataset.store import Store
from studio.models.finding import resolve_model
from studio.project import Project
from studio.reports.advice import AdviceFacts, CheckFound
from studio.reports.checks import by_severity
from studio.runs.directory import runs_in
from studio.runs.specs import CompareSpec
from studio.runs.watch import RunWatch
from studio.scoring.comparison import Comparison

SAMPLE_ROWS = 24
MOST_SHOTS = 5
ENDED = "finished"


def advice_facts(
    project: Project,
    store: Store,
    on_counted: OnCounted | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> AdviceFacts:
    """All that advice needs; what changed since is checked and counted. Seconds for many rows: not on the UI thread.

    Raises StudioError where the project's base model cannot be had.
    """
    settings = project.settings()
    model = resolve_model(settings.base_model, settings.trusted_models)
    found = by_severity(run_checks(project, store, is_cancelled=is_cancelled))
    window = check_window(store, model, settings.max_length, (0, 1, MOST_SHOTS), on_counted, is_cancelled)
    run_id, comparison = _prompting(project, str(model.path))
    return AdviceFacts(
        splits=store.task_splits(),
        window=window,
        checks=[
            CheckFound(one.check.name, str(one.check.severity), len(one.unwaived), one.check.harms)
            for one in found
            if one.is_open
        ],
        prompting=comparison,
        prompting_id=run_id,
        has_run=bool(tuned_run_ids(project)),
    )


def start_measuring(project: Project, store: Store, rows: int = SAMPLE_ROWS) -> str:
    """Start a small comparison of prompts on validation rows, so that the test rows stay unseen; its id.

    Raises AskedWrongly where there are no such rows, or no training rows to take examples from.
    """
    splits = store.task_splits()
    fewest = min((of.get("train", 0) for of in splits.values() if of.get("validation")), default=0)
    shots = min(MOST_SHOTS, fewest)
    arms = ["zero_shot", *(["one_shot"] if shots else []), *([f"few_shot:{shots}"] if shots > 1 else [])]
    spec = CompareSpec(arms=tuple(arms), split="validation", limit=rows, latency_rows=min(4, rows))
    return start_comparison(project, store, spec)


def _prompting(project: Project, model_path: str) -> tuple[str, Comparison | None]:
    """The newest finished comparison on this model that has a prompting arm, as far as it tells of such arms."""
    for directory in runs_in(project.runs_path):
        watch = RunWatch(directory)
        if isinstance(watch.spec, CompareSpec) and watch.spec.model_path == model_path and not watch.spec.is_forgetting:
            if watch.poll().status != ENDED:
                continue
            loaded = load_comparison(project, directory.run_id)
            if loaded.scores and loaded.scores.baseline:
                return directory.run_id, loaded.scores
    return "", None
