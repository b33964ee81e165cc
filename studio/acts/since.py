"""What has changed since a run: how far its data has moved on, and what training again would cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.acts.again import AgainPlan, plan_again
from studio.acts.drift import newest_train_run, version_of
from studio.acts.versions import ShownDiff, shown_diff
from studio.dataset.store import Store
from studio.dataset.versions import NOW
from studio.errors import StudioError
from studio.project import Project
from studio.reports.since import cost_words
from studio.runs.directory import RunDirectory, find_run


@dataclass(frozen=True)
class Since:
    """What differs from the rows that ``run`` was frozen from; ``again`` is training again, or ``refusal`` says why
    that cannot be.
    """

    run: RunDirectory
    version: str
    changes: ShownDiff
    again: AgainPlan | None
    refusal: StudioError | None


def since_run(project: Project, store: Store, run: str, most: int) -> Since:
    """What changed since the fine-tune ``run``, the newest one where it is empty, with texts of ``most`` rows a kind.

    Counts tokens, so call it off the UI thread. Raises AskedWrongly where there is no such run, StudioError for one of
    an older studio, which did not write down what it was frozen from.
    """
    directory = find_run(project.runs_path, run) if run else newest_train_run(project)
    version = version_of(store, directory)
    again, refusal = None, None
    try:
        again = plan_again(project, store, directory.run_id)
    except StudioError as error:
        refusal = error
    return Since(directory, version, shown_diff(store, version, NOW, most), again, refusal)


def cost_facts(plan: AgainPlan) -> dict[str, Any]:
    """What training again takes: tokens are those of all epochs, the seconds None where no earlier run tells."""
    training = plan.training
    return {
        "rows": training.rows - training.dropped_rows,
        "tokens": round(training.tokens_per_epoch * training.spec.epochs),
        "steps": plan.steps,
        "forecast_seconds": training.forecast_seconds,
        "test_rows": plan.test_rows,
    }


def cost(plan: AgainPlan) -> str:
    """The same in words."""
    facts = cost_facts(plan)
    return cost_words(facts["rows"], facts["tokens"], facts["steps"], facts["forecast_seconds"])
