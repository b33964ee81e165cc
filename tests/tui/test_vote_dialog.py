"""The story of a blind vote on the Compare screen."""

from __future__ import annotations

from pathlib import Path

from studio.project import Project
from studio.runs.votes import read_votes
from studio.tui.dialogs.vote import VoteDialog
from tests.tui.data_story import NARROW, press, shown
from tests.tui.run_story import comparison, opened_on


async def test_votes_are_blind_until_the_end_and_kept_at_each_key(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = comparison(project, "compare-1")
    async with opened_on(project, "compare", NARROW) as pilot:
        await press(pilot, "v")
        assert isinstance(pilot.app.screen, VoteDialog)
        text = shown(pilot)
        assert "which answer is better?" in text and "2 rows left · no vote yet" in text
        assert "tuned" not in text and "few" not in text, "whose the answers are is hidden"
        pilot.app.simulate_key("left")
        await press(pilot)
        (vote,) = read_votes(directory)
        assert vote.better == "left" and vote.arms == {"few_shot:5", "tuned"}
        assert "1 vote: one leads 1 to 0" in shown(pilot)
        await press(pilot, "u")
        assert read_votes(directory) == []
        await press(pilot, "=", "right")
        text = shown(pilot)
        assert "every row was voted on" in text and "1 row left out: both answers say the same" in text
        assert "alike 1" in text and "tuned" in text, "now the names"
        assert "left better" not in text and "u undo" in text, "there is no pair any more to judge"
        await press(pilot, "escape")
        assert "exact" in shown(pilot) and len(read_votes(directory)) == 2
