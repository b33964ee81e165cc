"""A comparison as the screen shows it: read from its directory and scored."""

from __future__ import annotations

from dataclasses import dataclass

from studio.acts.comparing import LoadedComparison, load_comparison
from studio.project import Project
from studio.reports.compare import CompareView, compare_view
from studio.reports.computed import computed_words
from studio.runs.directory import find_run
from studio.runs.watch import scores_in


@dataclass(frozen=True)
class Loaded:
    """A comparison with its scored rows; ``context_window`` is None where the model is gone.

    ``computed_by`` says in words what gave the answers, empty where nobody noted it.
    """

    comparison: LoadedComparison
    view: CompareView
    context_window: int | None
    computed_by: str = ""


def load(project: Project, run_id: str) -> Loaded:
    """Read and score a comparison. Seconds for thousands of rows: call it in a thread."""
    comparison = load_comparison(project, run_id)
    view = compare_view(comparison.rows, comparison.predictions, comparison.scores, comparison.own_scores)
    noted = scores_in(find_run(project.runs_path, comparison.run_id)) or {}
    return Loaded(comparison, view, comparison.context_window, computed_words(noted))
