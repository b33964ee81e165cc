"""Whoever has the file is killed in the middle of its own and the others' acts."""

from __future__ import annotations

from pathlib import Path

from tests.sharing.killing import hands_work_while_owners_are_killed


def test_what_was_acknowledged_is_there_and_every_act_is_whole_when_owners_are_killed(tmp_path: Path) -> None:
    hands_work_while_owners_are_killed(tmp_path, hands=2, acts=12, kills=2, seed=1)
