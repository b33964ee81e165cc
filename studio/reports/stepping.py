"""What an undo or a redo did, in words; what another has changed since, and is left as it is, among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.reports.numbers import number

if TYPE_CHECKING:
    from studio.dataset.examples import Change


def stepped(change: Change, done: str) -> str:
    """``undone: accept 3 examples · 1 left as it is: bo has changed it since``; ``done`` is the verb."""
    said = f"{done}: {change.summary}"
    if not change.kept:
        return said
    it = "it" if change.kept == 1 else "them"
    which = number(change.kept) if change.count else "all"
    are = "it is" if change.kept == 1 else "they are"
    have = "have" if ", " in change.kept_by else "has"
    return f"{said} · {which} left as {are}: {change.kept_by} {have} changed {it} since"
