"""Applying the fix that a check offers: what it would do first, then all of it as one act that undo takes back."""

from __future__ import annotations

from dataclasses import dataclass

from studio.acts.checking import run_checks
from studio.dataset.checks.check import Check, Finding
from studio.dataset.rewriting import Rewrite
from studio.dataset.store import Change, Store
from studio.errors import AskedWrongly
from studio.project import Project

_SHOWN = 5


@dataclass(frozen=True)
class FixPreview:
    """What a fix would do to ``finding``: ``rewrites`` are the first texts that change, ``removed`` the first rows
    that go to the trash, of ``count`` in all."""

    check: Check
    finding: Finding
    about: str
    count: int
    rewrites: list[Rewrite]
    removed: list[int]


def preview_fix(project: Project, store: Store, name: str) -> FixPreview:
    """What the fix of the check ``name`` would do to what it finds now.

    Raises AskedWrongly for a name that is no check, a check without a fix, and where nothing is found or would change.
    """
    (result,) = run_checks(project, store, [name], is_new_look=False)
    check, finding = result.check, result.finding
    if check.fix is None:
        raise AskedWrongly(
            f"{name} has no fix that is safe.", "Look at its rows: enter on Checks, or --only with --json."
        )
    if finding is None:
        raise AskedWrongly(f"{name} finds nothing, so there is nothing to fix.")
    count, rewrites, removed = store.fix_previewed(check, finding, _SHOWN)
    if not count:
        raise AskedWrongly(f"{name}: the fix would change none of these rows.", "They have to be mended by hand.")
    return FixPreview(check, finding, check.fix.about, count, rewrites, removed[:_SHOWN].tolist())


def apply_fix(store: Store, preview: FixPreview) -> Change:
    """Do what was previewed, to all rows, as one act."""
    return store.fix(preview.check, preview.finding)
