"""What a footer and a form show where there is little to act on, or little room."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from studio.runs.state import RunState
from studio.tui.dialogs.form import chosen_word
from studio.tui.screens.checks.lines import idle_actions as idle_on_checks
from studio.tui.screens.runs.screen import idle_actions


def test_the_footer_of_runs_names_no_key_that_has_nothing_to_act_on() -> None:
    def idle(*, is_live: bool, can_resume: bool, kind: str) -> list[str]:
        return idle_actions(cast(RunState, SimpleNamespace(is_live=is_live, can_resume=can_resume, kind=kind)))

    assert idle(is_live=True, can_resume=False, kind="train") == []
    assert idle(is_live=False, can_resume=True, kind="train") == ["stop"]
    assert idle(is_live=False, can_resume=False, kind="compare")[:3] == ["stop", "resume", "overlay"]
    assert "new_run" not in idle_actions(None) and "compare_run" in idle_actions(None)


def test_checks_without_a_finding_offer_no_fix_and_no_waiver() -> None:
    assert idle_on_checks(None) == ["fix", "bench", "waive"]


def test_a_long_path_among_choices_shows_both_its_ends() -> None:
    """It was broken between words, so that of the base model only ``‹`` was left."""
    shown = chosen_word("/home/anna/models/a model of ours/checkpoint-1200", "  2/3", 30).plain
    assert shown.startswith("‹ /home/") and shown.endswith("1200 ›  2/3") and len(shown) <= 30
