"""Checking the data: bringing every check up to date, or those asked for, and waiving what may stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check, DatasetCheck, Severity
from studio.dataset.checks.kept import Result, among
from studio.dataset.checks.rows import Around, Need
from studio.dataset.checks.samples import SAMPLES, Sample
from studio.dataset.store import Change, Store
from studio.errors import AskedWrongly, StudioError
from studio.project import Project

# The checks that an edit can be told from: what one row can change in them is computed in a moment.
QUICK = tuple(check.name for check in CHECKS if not isinstance(check, DatasetCheck) and not check.needs)

_MANY_ROWS = 10_000

OnChecked = Callable[[int, int], None]


def run_checks(
    project: Project,
    store: Store,
    only: Sequence[str] = (),
    progress: OnChecked | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    *,
    is_new_look: bool = True,
) -> list[Result]:
    """What the checks named in ``only``, or all, find now, in the order of ``CHECKS``; kept in the store.

    Only what changed since they ran last is computed. ``progress`` hears how many of how many are done. Raises
    AskedWrongly for a name that is no check, and Interrupted when ``is_cancelled``; nothing is kept then.
    """
    chosen = _chosen(only)
    done, total = 0, len(chosen)

    def on_done(check: Check) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    def on_near(rows: int, of_rows: int) -> None:
        nonlocal done, total
        if progress and of_rows >= _MANY_ROWS:  # then it takes as long as all else
            done, total = rows * len(chosen) // of_rows, 2 * len(chosen)
            progress(done, total)

    if progress:
        progress(0, total)
    _find_near(store, chosen, on_near, is_cancelled)
    return store.check(chosen, around(project), on_done, is_cancelled, is_new_look=is_new_look)


def kept_checks(project: Project, store: Store) -> list[Result]:
    """What the checks found when they ran last. Takes no time."""
    return store.checked(CHECKS, around(project))


def samples(store: Store, result: Result, *, is_whole: bool = False) -> list[Sample]:
    """A few of the rows found, with what offends in them; what is private masked unless ``is_whole``."""
    if result.finding is None or not result.count:
        return []
    return store.samples(result.check, result.finding.example_ids[:SAMPLES], is_whole)


def waive(project: Project, store: Store, name: str, reason: str) -> Change:
    """Let what the check ``name`` finds now be, for a reason: no run is refused for these rows, until undone.

    Raises AskedWrongly for a name that is no check, for no reason, and where there is nothing to waive.
    """
    if not reason.strip():
        raise AskedWrongly(f"{name} is not waived: no reason was given.", "Say why it may stay: --reason 'it is meant'")
    (result,) = run_checks(project, store, [name], is_new_look=False)
    if result.finding is None:
        raise AskedWrongly(f"{name} finds nothing, so there is nothing to waive.", "studio check says what is found.")
    return store.waive(result.check, result.finding.rows, reason.strip())


def take_waiver_back(store: Store, name: str) -> Change:
    """The check ``name`` counts again. Raises AskedWrongly where it is not waived."""
    (check,) = _chosen([name])
    return store.waive(check, store.view_ids()[:0], "")


def error_findings(project: Project, store: Store, example_ids: Sequence[int]) -> list[Result]:
    """What the checks that block a run find in these rows, waived or not; brought up to date first."""
    checks = [check for check in CHECKS if check.severity is Severity.ERROR]
    _find_near(store, checks, lambda rows, of_rows: None)
    able = [one for one in store.check(checks, around(project), is_new_look=False) if one.finding]
    used = np.array(example_ids, dtype=np.int64)
    return [one for one in (among(result, used) for result in able) if one.finding]


def refusal_of_findings(blocking: Sequence[Result]) -> StudioError | None:
    """Why a run on rows with these findings, which nobody waived, may not start; None where there are none."""
    if not blocking:
        return None
    sentences = " ".join(f"{one.check.name}: {one.finding.sentence}" for one in blocking if one.finding)
    name = blocking[0].check.name
    return StudioError(
        f"Errors in the rows of this run: {sentences}",
        f"See them: studio check --only {name}, or F7. Let them be: studio check --waive {name} --reason WHY",
    )


def waived_in_words(results: Sequence[Result]) -> list[str]:
    """The waivers under which a run on these findings starts, for its spec."""
    return [f"{one.check.name}: {one.waiver.reason} ({one.waiver.who})" for one in results if one.waiver]


def found_at_least(results: Sequence[Result], severity: Severity) -> bool:
    """Whether a check of this severity or a worse one found anything that is not waived."""
    return any(one.is_open and one.check.severity.is_at_least(severity) for one in results)


def severity_named(name: str) -> Severity:
    """The severity of this name, or of its beginning (``warn``). Raises AskedWrongly where there is none."""
    found = [severity for severity in Severity if name and severity.startswith(name)]
    if not found:
        raise AskedWrongly(f"{name!r} is no severity.", f"One of: {', '.join(Severity)}.")
    return found[0]


def around(project: Project) -> Around:
    """What checks know of a project beside its rows."""
    return Around(max_length=project.settings().max_length)


def _find_near(
    store: Store, checks: Sequence[Check], progress: OnChecked, is_cancelled: Callable[[], bool] = lambda: False
) -> None:
    if any(Need.CLUSTERS in check.needs for check in checks):
        store.find_near(progress, is_cancelled)


def _chosen(only: Sequence[str]) -> list[Check]:
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            raise AskedWrongly(f"{name!r} is no check.", f"Checks: {', '.join(names)}.")
    return [check for check in CHECKS if not only or check.name in only]
