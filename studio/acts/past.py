"""The comparisons that have finished, as a history: what tuning brought from one to the next."""

from __future__ import annotations

import hashlib

from studio.errors import StudioError
from studio.files import open_regular
from studio.project import Project
from studio.reports.history import PastComparison
from studio.runs.directory import RunDirectory, naming_of, runs_in
from studio.runs.specs import CompareSpec, read_spec
from studio.runs.watch import scores_in
from studio.scoring.comparison import Comparison


def past_comparisons(project: Project) -> list[PastComparison]:
    """Every comparison with a result, oldest first. One that is damaged is left out: its own screen says why."""
    letters: dict[str, str] = {}
    found = []
    for directory in reversed(runs_in(project.runs_path)):
        try:
            spec, facts = read_spec(directory), scores_in(directory)
            if not isinstance(spec, CompareSpec) or facts is None:
                continue
            scores = Comparison.from_dict(facts)
        except (StudioError, KeyError, TypeError, ValueError, AttributeError):
            continue
        letter = letters.setdefault(_fingerprint(directory), _letter(len(letters)))
        found.append(
            PastComparison(
                run_id=directory.run_id,
                title=naming_of(directory).name or directory.run_id,
                at=directory.changed_at,
                spec=spec,
                scores=scores,
                tuned_run=spec.run_id,
                row_set=letter,
            )
        )
    return found


def _fingerprint(directory: RunDirectory) -> str:
    try:
        with open_regular(directory.rows_path("test")) as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return directory.run_id


def _letter(place: int) -> str:
    """A, B, … Z, AA, AB, …"""
    return (_letter(place // 26 - 1) if place >= 26 else "") + chr(ord("A") + place % 26)
