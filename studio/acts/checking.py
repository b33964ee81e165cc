"""Checking the data: every check over the store, or those asked for. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check, Finding, Severity
from studio.dataset.checks.rows import Need
from studio.dataset.store import Store
from studio.errors import AskedWrongly

OnChecked = Callable[[int, int], None]


@dataclass(frozen=True)
class Checked:
    """One check and what it found. ``lacking`` is not empty where it could not run, for the store lacks these."""

    check: Check
    findings: list[Finding]
    lacking: tuple[Need, ...] = ()

    @property
    def row_count(self) -> int:
        """How many rows were found; a row in two findings counts twice."""
        return sum(len(finding.example_ids) for finding in self.findings)


def run_checks(
    store: Store,
    only: Sequence[str] = (),
    progress: OnChecked | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Checked]:
    """Run the checks named in ``only``, or all, in the order of ``CHECKS``; one that cannot run says what it lacks.

    ``progress`` hears how many of how many are done. Raises AskedWrongly for a name that is no check, and Interrupted
    when ``is_cancelled``.
    """
    chosen = _chosen(only)
    checked = []
    for done, check in enumerate(chosen):
        if progress:
            progress(done, len(chosen))
        lacking = store.lacking(check)
        checked.append(Checked(check, [] if lacking else store.findings(check, is_cancelled), lacking))
    if progress:
        progress(len(chosen), len(chosen))
    return checked


def found_at_least(checked: Sequence[Checked], severity: Severity) -> bool:
    """Whether a check of this severity or a worse one found anything."""
    return any(one.findings and one.check.severity.is_at_least(severity) for one in checked)


def severity_named(name: str) -> Severity:
    """The severity of this name. Raises AskedWrongly where there is none."""
    if name not in list(Severity):
        raise AskedWrongly(f"{name!r} is no severity.", f"One of: {', '.join(Severity)}.")
    return Severity(name)


def _chosen(only: Sequence[str]) -> list[Check]:
    names = [check.name for check in CHECKS]
    for name in only:
        if name not in names:
            raise AskedWrongly(f"{name!r} is no check.", f"Checks: {', '.join(names)}.")
    return [check for check in CHECKS if not only or check.name in only]
