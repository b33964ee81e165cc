"""Four people label, import and undo on one store, whose owner is killed fifty times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.killing import hands_work_while_owners_are_killed

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_killed_owners_lose_nothing(tmp_path: Path, seed: int) -> None:
    hands_work_while_owners_are_killed(tmp_path, hands=4, acts=150, kills=50, seed=seed)
