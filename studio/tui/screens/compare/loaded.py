"""A comparison as the screen shows it: read from its directory and scored."""

from __future__ import annotations

from dataclasses import dataclass

from studio.acts.comparing import LoadedComparison, load_comparison
from studio.project import Project
from studio.reports.compare import CompareView, compare_view


@dataclass(frozen=True)
class Loaded:
    """A comparison with its scored rows; ``context_window`` is None where the model is gone."""

    comparison: LoadedComparison
    view: CompareView
    context_window: int | None


def load(project: Project, run_id: str) -> Loaded:
    """Read and score a comparison. Seconds for thousands of rows: call it in a thread."""
    comparison = load_comparison(project, run_id)
    dtype = comparison.scores.dtype if comparison.scores else ""
    view = compare_view(comparison.rows, comparison.predictions, dtype)
    return Loaded(comparison, view, comparison.context_window)
