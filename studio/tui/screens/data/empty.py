"""What stands in place of rows: the store is being opened, cannot be opened, or has no such row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.tui.screens.data.view import DataView
    from studio.tui.session import ClosedStore
    from studio.tui.widgets.lines import Segment

OPENING: list[Segment] = [("opening the store …", "dim")]


def closed_lines(closed: ClosedStore) -> list[Segment]:
    """Why the store is closed, what works meanwhile, and the next step; one (words, style name) a line."""
    if closed.pid is None:
        return [(closed.reason, "bad"), (closed.hint, "plain"), ("", ""), ("r tries again.", "key")]
    return [
        (f"Process {closed.pid} has this project's examples open, and shares them with nobody.", "warn"),
        (closed.reason, "plain"),
        (closed.hint, "plain"),
        ("", ""),
        ("Runs (F4) and Compare (F5) work meanwhile: they need no store.", "plain"),
        (f"r tries again; ps -p {closed.pid} shows what it is.", "key"),
    ]


def empty_lines(view: DataView) -> list[Segment]:
    """No row is in ``view``: of a new project, or of this filter."""
    if not view.is_plain:
        return [(f"No example is {view.where or 'here'}.", "bold"), ("", ""), ("r   all rows again", "plain")]
    from studio.dataset.formats import described

    return [
        ("No examples yet.", "bold"),
        ("", ""),
        (f"I   import a file: {described()}", "plain"),
        ("?   all keys of this screen", "plain"),
    ]
