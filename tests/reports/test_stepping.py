"""What undo says."""

from __future__ import annotations

from studio.dataset.examples import Change
from studio.reports.stepping import stepped


def test_rows_that_others_have_changed_since_are_counted_and_their_names_said() -> None:
    assert stepped(Change(3, "accept 3 examples", count=3), "undone") == "undone: accept 3 examples"
    one = Change(3, "accept 3 examples", count=2, kept=1, kept_by="bo")
    assert stepped(one, "undone") == "undone: accept 3 examples · 1 left as it is: bo has changed it since"
    two = Change(3, "import 9 examples", count=7, kept=2, kept_by="bo, cy")
    assert stepped(two, "undone").endswith("2 left as they are: bo, cy have changed them since")
    none = Change(3, "accept 1 example", kept=1, kept_by="bo")
    assert stepped(none, "redone").endswith("all left as it is: bo has changed it since")
