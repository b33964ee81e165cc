"""No circle in the written imports of the screens, those for type checkers and those inside functions included."""

from __future__ import annotations

import grimp
import pytest

GRAPH = grimp.build_graph("studio")
FOLDERS = sorted(name for name in GRAPH.modules if name.startswith("studio.tui") and GRAPH.find_children(name))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_parts_of_a_folder_import_each_other_in_one_direction(folder: str) -> None:
    assert GRAPH.nominate_cycle_breakers(folder) == set()


def test_screens_and_dialogs_know_the_app_as_a_shell_only() -> None:
    knowing = GRAPH.find_modules_that_directly_import("studio.tui.app")
    assert not {name for name in knowing if name.startswith("studio.tui")}
