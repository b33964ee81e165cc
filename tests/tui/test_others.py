"""What others change while one looks at the rows: it is seen and said, and nothing jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from studio.dataset.changes import Heard, Told
from studio.dataset.formats.reading import Candidate
from studio.sharing.opening import open_store
from studio.tui.messages import OthersChanged
from studio.tui.others import Others, by_others
from studio.tui.screens.data import example_table
from tests.tui.data_story import NARROW, data_screen, opened, press, project_with, said, shown, tickets


def told(who: str, origin: str, ids: list[int], count: int = 0, *, brings_rows: bool = False) -> Told:
    return Told(who, origin, "accept", count or len(ids), np.array(ids, dtype=np.int64), brings_rows)


async def until(pilot: Pilot[None], is_so: Callable[[], bool]) -> None:
    while not is_so():
        await pilot.pause()


async def test_two_people_label_one_project_and_each_sees_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_table, "GLOW_SECONDS", 600)
    project = project_with(tmp_path, tickets(12))
    async with opened(project, NARROW) as pilot:
        await press(pilot, "j", "j")
        with open_store(project.store_path, "bo") as bo:
            bo.set_label([5, 6], "reject")
            bo.set_label([7], "accept")
            await until(pilot, lambda: said(pilot) == "3 changed by bo")
            table = data_screen(pilot).table
            await until(pilot, lambda: (one := table.preview(7)) is not None and one.label == "accept")
            assert table.cursor_id == 3, "the cursor jumped to what another did"
            lines = shown(pilot).splitlines()
            assert ["~" in line for line in lines if " 7?" in line or " 8?" in line] == [True, False]
            assert "✗" in next(line for line in lines if " 5?" in line)
            await press(pilot, "a", "u")
            assert said(pilot).startswith("undone: accept 1 example"), "u took back what Bo did"
            assert bo.stats().labels["accept"] == 1 and bo.example(3).label == "none"
            bo.add([Candidate("one more", "row")], "bo's")
            await until(pilot, lambda: len(table.ids) == 13)
            assert table.cursor_id == 3
        before = said(pilot)
        await press(pilot, "a")
        assert before != said(pilot), "the studio goes on alone"


async def test_rows_that_another_brings_do_not_close_the_line_one_types_in(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    async with opened(project, NARROW) as pilot:
        screen = data_screen(pilot)
        await press(pilot, "slash", "o")
        with open_store(project.store_path, "bo") as bo:
            bo.add([Candidate("one more", "row")], "bo's")
            await until(pilot, lambda: said(pilot) == "1 changed by bo")
        await press(pilot, "r")
        assert screen.bar.is_open and len(screen.table.ids) == 3
        await press(pilot, "escape")
        assert len(screen.table.ids) == 4


async def test_rows_on_which_people_do_not_agree_are_shown_with_what_each_said(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(5))
    async with opened(project, NARROW) as pilot:
        await press(pilot, *":disagreements", "enter")
        assert said(pilot).startswith("no disagreement: 0 rows")
        with open_store(project.store_path, "bo") as bo, open_store(project.store_path, "cy") as cy:
            bo.set_label([2, 4], "accept")
            cy.set_label([2], "accept")
            cy.set_label([4], "reject")
        await press(pilot, *":disagreements", "enter")
        table = data_screen(pilot).table
        assert list(table.ids) == [4] and "bo accept · cy reject" in shown(pilot)
        await press(pilot, "escape")
        assert len(table.ids) == 5


def test_one_s_own_changes_are_no_news() -> None:
    assert by_others(Heard(4, [told("anna", "me", [1])]), "me") is None
    heard = by_others(Heard(6, [told("anna", "me", [1]), told("anna", "script", [2]), told("bo", "b", [3, 2])]), "me")
    assert heard is not None and heard.counts == {"anna": 1, "bo": 2} and heard.example_ids.tolist() == [2, 3]
    assert not heard.may_be_more


def test_rows_that_came_or_went_or_were_too_many_to_name_or_not_heard_of_may_be_more() -> None:
    for heard in (
        Heard(1, [told("bo", "b", [3], brings_rows=True)]),
        Heard(1, [told("bo", "b", [], 90_000)]),
        Heard(9, [], is_gap=True),
    ):
        changed = by_others(heard, "me")
        assert changed is not None and changed.may_be_more


def test_what_comes_in_a_burst_is_summed_up_and_later_it_begins_anew() -> None:
    others = Others(lambda message: None)
    one = OthersChanged(np.array([1]), {"bo": 1}, may_be_more=False)
    assert [others.summed_up(one, now) for now in (10, 12, 14.9)] == [f"{n} changed by bo" for n in (1, 2, 3)]
    cy = OthersChanged(np.array([1]), {"cy": 2_000}, may_be_more=False)
    assert others.summed_up(cy, 15) == "3 changed by bo · 2,000 changed by cy"
    assert others.summed_up(one, 19) == "1 changed by bo"
