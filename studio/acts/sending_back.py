"""Sending rows back from a run to the data: each is marked, and its note says why, until somebody has mended it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.acts.comparing import load_comparison
from studio.acts.looking_back import row_losses
from studio.dataset.store import Change, Store
from studio.errors import AskedWrongly
from studio.project import Project
from studio.reports.compare import CompareRow, compare_view
from studio.reports.compare_rows import DISAGREED, LISTS, RowChoice, chosen_rows
from studio.reports.row_losses import loss_words
from studio.runs.directory import find_run
from studio.runs.specs import CompareSpec, read_spec

SENT_BACK = "sent back: "
QUEUE_FILTER = f"is_marked and contains(note, '{SENT_BACK}')"
WORST_ROWS = 20
WHICH = (*LISTS, "disagreed", "faulty", "worst")


@dataclass(frozen=True)
class SentBack:
    """What was marked, as one undo step; ``gone`` counts the rows that the store does not have any more."""

    change: Change
    gone: int


def send_back(store: Store, run_id: str, reasons: Mapping[int, str]) -> SentBack:
    """Mark the rows of ``reasons``, by example_id why. A note of a person's stays, and the reason stands behind it."""
    notes = {}
    for example in store.examples(list(reasons)):
        by_a_person = example.note.partition(SENT_BACK)[0].strip(" ·")  # what an earlier run said is out of date
        reason = f"{SENT_BACK}{reasons[example.example_id]} in {run_id}"
        notes[example.example_id] = f"{by_a_person} · {reason}" if by_a_person else reason
    return SentBack(store.send_back(notes), len(reasons) - len(notes))


def reason_of(row: CompareRow) -> str:
    """Why a row of a comparison is worth mending, in a word or two."""
    failed = "failed" if any(row.has_failed(arm) for arm in row.answers) else ""
    return failed or ("looked at" if row.change == "single" else row.change)


def rows_worth_mending(project: Project, run: str, which: str, limit: int = 0) -> tuple[str, dict[int, str]]:
    """The run's id, and by example_id why: of a comparison one of its lists, of a train run its hardest rows.

    ``which`` is one of ``WHICH``. ``limit`` 0 takes all, of ``worst`` the hardest ``WORST_ROWS``. Raises AskedWrongly
    for a list that the run does not have.
    """
    if which not in WHICH:
        raise AskedWrongly(f"{which!r} is no list of rows.", f"One of: {', '.join(WHICH)}.")
    directory = find_run(project.runs_path, run)
    is_comparison = isinstance(read_spec(directory), CompareSpec)
    if (which == "worst") == is_comparison:
        kind, others = ("comparison", WHICH[:-1]) if is_comparison else ("train run", WHICH[-1:])
        raise AskedWrongly(f"{directory.run_id} is a {kind}: it has no list {which!r}.", f"It has {', '.join(others)}.")
    if which == "worst":
        _, losses = row_losses(project, directory.run_id)
        return directory.run_id, {row.example_id: loss_words(row) for row in losses[: limit or WORST_ROWS]}
    rows = _listed(project, directory.run_id, which)
    return directory.run_id, {row.example_id: reason_of(row) for row in rows[: limit or None]}


def _listed(project: Project, run_id: str, which: str) -> list[CompareRow]:
    comparison = load_comparison(project, run_id)
    view = compare_view(comparison.rows, comparison.predictions, comparison.scores, comparison.own_scores)
    if which == "disagreed":
        return [row for row in chosen_rows(view, RowChoice()) if row.disagreement >= DISAGREED]
    if which == "faulty":
        return chosen_rows(view, RowChoice(only_faulty=True))
    return chosen_rows(view, RowChoice(kind=which))
