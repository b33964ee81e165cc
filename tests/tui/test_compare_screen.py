"""Stories of the Compare screen on comparisons written by hand, scored by the real scorers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.acts.comparing import plan_comparison
from studio.dataset.store import Store
from studio.files import take_lock, write_whole
from studio.project import Project
from studio.reports.compare import compare_view
from studio.runs.directory import FrozenRow, read_rows, write_rows
from studio.runs.events import EventWriter, Finished
from studio.runs.specs import CompareSpec
from studio.runs.watch import RunWatch
from studio.tui.app import StudioApp
from studio.tui.screens.compare.answers import answer_cell
from studio.tui.screens.compare.arms import arm_lines
from studio.tui.screens.compare.loaded import load
from studio.tui.screens.compare.totals import score_notes
from studio.tui.screens.data.screen import DataScreen
from tests.tui.data_story import NARROW, press, project_with, said, shown, tickets, type_line
from tests.tui.resting import settle
from tests.tui.run_story import comparison, model_without_weights, opened_on


async def look(pilot: Pilot[None]) -> None:
    assert isinstance(pilot.app, StudioApp)
    await settle(pilot)
    pilot.app.poll_runs()
    await settle(pilot)
    await settle(pilot)


async def test_no_comparison_says_which_key_makes_one(tmp_path: Path) -> None:
    async with opened_on(Project.init(tmp_path), "compare") as pilot:
        assert "No comparison yet." in shown(pilot)
        assert "p plot" not in shown(pilot), "there is nothing to plot"


async def test_the_verdict_stands_over_the_arms_with_intervals_and_n(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        text = shown(pilot)
        assert "tuned" in text.splitlines()[1]
        for words in ("exact match", "token F1", "ROUGE-L", "valid JSON n 2", "├", "0.40 s", "482"):
            assert words in text, words
        assert "✚ fixed 1  ✖ broken 1  ✓ both 1" in text


async def test_differences_are_marked_and_what_data_says_is_never_executed(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        await press(pilot, *"sssss")  # the order of the test set
        text = shown(pilot)
        assert "[bold]Here[/bold] you go ␛[2J" in text
        assert "\x1b[2J" not in text
        marked = [piece for strip in pilot.app.screen._compositor.render_strips() for piece in strip]
        assert any(piece.style and piece.style.underline and "high" in piece.text for piece in marked)
        await press(pilot, "D")
        plain = [piece for strip in pilot.app.screen._compositor.render_strips() for piece in strip]
        assert not any(piece.style and piece.style.underline and "high" in piece.text for piece in plain)


async def test_arms_are_hidden_tasks_filtered_and_rows_ordered_by_keys(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        assert shown(pilot).count("1 zero_shot") == 2, "among the arms and over its answers"
        await press(pilot, "1")
        assert shown(pilot).count("1 zero_shot") == 1
        await press(pilot, "2", "3")
        assert said(pilot) == "the last arm stays"
        await press(pilot, "f", "f")
        assert said(pilot) == "only tone"
        assert "1 row" in shown(pilot)
        await press(pilot, "f", "s")
        assert said(pilot) == "order: most lost"
        assert "#2 · tickets · broken" in shown(pilot)


async def test_lists_words_and_a_selection_are_taken_back_by_esc_one_at_a_time(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        await press(pilot, "+")
        assert "1 of 3 rows · fixed" in shown(pilot) and said(pilot) == "1 row fixed or closer"
        await press(pilot, "+", "slash")
        await type_line(pilot, "lamp")
        assert "1 of 3 rows · /lamp" in shown(pilot)
        await press(pilot, "space")
        assert "1 selected" in shown(pilot) and "▪" in shown(pilot)
        await press(pilot, "escape")
        assert "1 of 3 rows · /lamp" in shown(pilot) and "1 selected" not in shown(pilot)
        await press(pilot, "escape", "0")
        assert "0 of 3 rows · neither" in shown(pilot) and "no such row" in shown(pilot)
        await press(pilot, "a")
        assert said(pilot) == "order: weakest of zero_shot"


async def test_p_plots_quality_against_what_it_costs_and_esc_leads_back(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare", NARROW) as pilot:
        await press(pilot, "p")
        text = shown(pilot)
        for words in ("exact match against prompt tokens", "the frontier", "3 tuned", "2 few_shot:5 67 % 482"):
            assert words in text, words
        await press(pilot, "p")
        assert "against median seconds an answer" in shown(pilot)
        await press(pilot, "escape")
        assert "1 zero_shot  3" in shown(pilot)


async def test_every_score_is_read_and_a_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.init(tmp_path / "desk")
    comparison(project, "compare-1")
    monkeypatch.chdir(tmp_path)
    async with opened_on(project, "compare") as pilot:
        await press(pilot, "t")
        text = shown(pilot)
        assert "scores of compare-1" in text and "every task" in text and "token F1" in text
        await press(pilot, "escape", "w", "enter")
        assert said(pilot) == "wrote compare-1.html" and (tmp_path / "compare-1.html").exists()
        await press(pilot, "w", "enter")
        assert "exists: enter again replaces it" in shown(pilot)
        await press(pilot, "enter")
        assert said(pilot) == "wrote compare-1.html"
        await press(pilot, "w")
        await type_line(pilot, "x")
        assert "unknown ending '.htmlx'" in said(pilot)


async def test_eight_arms_have_room_at_80_by_24(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = comparison(project, "compare-1")
    lines = directory.predictions_path.read_text().splitlines()[:-1]
    for more in range(5):
        for line in lines[-3:]:
            facts = json.loads(line) | {"arm": f"tuned:train-1125-04361{more}-d3:200", "key": f"{more}{line[9:14]}"}
            lines.append(json.dumps(facts))
    directory.predictions_path.write_text("\n".join(lines) + "\n")
    async with opened_on(project, "compare", NARROW) as pilot:
        text = shown(pilot)
        assert all(f" {key} " in text for key in range(1, 9)) and "tuned:tra…614-d3:200" in text
        assert sum(line.startswith((" ✚", " ✖", " ✓")) for line in text.splitlines()) >= 3, "rows beneath them"
        await press(pilot, "ctrl+d")
        assert "reference" in shown(pilot) and "95 %" not in shown(pilot), "the row in full in place of the arms"


async def test_a_comparison_under_way_shows_bars_and_then_its_result(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = comparison(project, "compare-1", is_finished=False)
    lock = take_lock(directory.lock_path)
    async with opened_on(project, "compare") as pilot:
        assert "compare-1 is being answered" in shown(pilot)
        assert "1 / 3" in shown(pilot)
        events = EventWriter(directory.events_path)
        events.write(Finished(seconds=1.0))
        events.close()
        lock.close()
        await look(pilot)
        assert "exact match" in shown(pilot)


async def test_older_and_newer_comparisons_are_a_key_away(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    for at, (name, arms) in enumerate((("compare-1", ("zero_shot", "tuned")), ("compare-2", ("few_shot:5", "tuned")))):
        os.utime(comparison(project, name, arms).spec_path, (at, at))
    async with opened_on(project, "compare") as pilot:
        assert "1/2 compare-2" in shown(pilot)
        await press(pilot, "<")
        assert "2/2 compare-1" in shown(pilot)
        await press(pilot, "<")
        assert said(pilot) == "that is the oldest comparison"


async def test_at_80_by_24_verdict_scores_rows_and_the_row_in_full_are_there(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    comparison(project, "compare-1")
    async with opened_on(project, "compare", NARROW) as pilot:
        text = shown(pilot)
        for words in ("  arm        n", "├", "1 zero_shot", "reference", "#1 · tickets · fixed"):
            assert words in text, words


async def test_the_nearest_training_rows_are_read_and_taken_to_data(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    directory = comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        await press(pilot, "~")
        assert "keeps no training rows" in said(pilot)
        write_rows(directory.rows_path("train"), [FrozenRow(2, "tickets", "my old printer broke down", "{}")])
        await press(pilot, "~")
        assert "training rows nearest to row 1" in shown(pilot) and "100 % of the words" in shown(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, DataScreen)
        assert "100 % of the words" in shown(pilot)


async def test_rows_are_sent_back_to_be_mended_and_shown_in_data(tmp_path: Path) -> None:
    project = project_with(tmp_path, tickets(3))
    comparison(project, "compare-1")
    async with opened_on(project, "compare") as pilot:
        await press(pilot, "-", "*", "b")
        assert said(pilot) == "1 row sent back · saved · u undoes · B shows them in Data"
        await press(pilot, "u")
        assert said(pilot).startswith("undone: send 1 example back")
        await press(pilot, "B")
        assert said(pilot).startswith("no row was sent back yet")
        await press(pilot, "-", "*", "b", "B")
        assert isinstance(pilot.app.screen, DataScreen)
        assert "examples · sent back" in shown(pilot) and "sent back: fixed in compare-1" in shown(pilot)
        await press(pilot, "escape", "f5", "enter")
        assert isinstance(pilot.app.screen, DataScreen) and "of compare-1" in shown(pilot)
        await press(pilot, "escape", "f2", "B")
        assert "contains(note, 'sent back: ')" in shown(pilot)


def test_three_rows_make_no_arm_dim_however_much_better_another_is(tmp_path: Path) -> None:
    directory = comparison(Project.init(tmp_path), "compare-1")
    from studio.files import read_json_lines

    view = compare_view(read_rows(directory.rows_path("test")), read_json_lines(directory.predictions_path)[0])
    lines = arm_lines(view.comparison, "", 8192, 138)
    assert [(line[1][0].strip(), line[1][1]) for line in lines[1:]] == [
        ("zero_shot", "title"),
        ("few_shot:5", "title"),
        ("tuned", "title"),
    ]
    assert all(any("●" in text for text, _ in line) for line in lines[1:]), "each with its interval"


def test_the_scores_made_anew_for_the_screen_keep_the_dtype_they_were_answered_in(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = comparison(project, "compare-1")
    compared = compare_view(read_rows(directory.rows_path("test")), []).comparison
    directory.scores_path.write_text(json.dumps(compared.to_dict() | {"dtype": "bfloat16"}))
    assert load(project, "compare-1").view.comparison.dtype == "bfloat16"


def test_the_dtype_is_said_where_the_comparison_knows_it(tmp_path: Path) -> None:
    directory = comparison(Project.init(tmp_path), "compare-1")
    from studio.files import read_json_lines

    compared = compare_view(
        read_rows(directory.rows_path("test")), read_json_lines(directory.predictions_path)[0]
    ).comparison
    assert "bfloat16" not in score_notes(compared, "", 80)
    object.__setattr__(compared, "dtype", "bfloat16")
    assert "bfloat16" in score_notes(compared, "", 80)


def test_a_cell_begins_shortly_before_a_difference_that_would_be_out_of_sight() -> None:
    reference = "the printer that I bought last week is broken"
    cell = answer_cell("the printer that I bought last week is fine", reference, 24, is_marked=True, is_exact=False)
    text = "".join(piece for piece, _ in cell)
    assert text.startswith("✗ …")
    assert ("fine", "match") in cell
    assert len(text) == 24


async def test_the_form_of_a_comparison_says_rows_and_time_by_the_one_before(tmp_path: Path) -> None:
    model = model_without_weights(tmp_path / "model")
    Project.init(tmp_path / "project", base_model=str(model), max_length=128)
    project = project_with(tmp_path / "project", tickets(40))
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(0.1, 0.5, 0)
    async with opened_on(project, "compare") as pilot:
        await press(pilot, "n")
        assert "not known before a first comparison" in shown(pilot)
        assert "rows of the test split × 3 arms = " in shown(pilot)
        await press(pilot, "escape")
    earlier = comparison(project, "compare-1")
    spec = CompareSpec(base_model=str(model), model_path=str(model.resolve()), arms=("zero_shot",))
    write_whole(earlier.spec_path, spec.to_json())
    with Store.open(project.store_path, "anna") as store:
        plan = plan_comparison(project, store, CompareSpec(arms=("zero_shot", "one_shot")))
    state = RunWatch(earlier).poll()
    assert plan.answers == 2 * len(plan.rows)
    assert plan.forecast_seconds == pytest.approx(plan.answers * state.elapsed_seconds / state.step)
