"""The training rows that a comparison took its shots from, indexed to find those nearest to a prompt."""

from __future__ import annotations

from studio.errors import StudioError
from studio.project import Project
from studio.reports.nearest import NearestRows
from studio.runs.directory import find_run, read_rows


def nearest_rows_of(project: Project, run_id: str) -> NearestRows:
    """The index of the rows that the comparison ``run_id`` took its shots from. Raises StudioError without rows."""
    directory = find_run(project.runs_path, run_id)
    rows = read_rows(directory.rows_path("train"))
    if not rows:
        raise StudioError(f"{directory.run_id} keeps no training rows.", "A comparison with shots or a run keeps them.")
    return NearestRows(rows)
