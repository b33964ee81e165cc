"""Stories of the Runs screen on run directories written by hand."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from studio.acts.merging import Merging
from studio.acts.training import TrainPlan
from studio.dataset.store import Store
from studio.files import take_lock, write_whole
from studio.interpreter import OnPart
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.runs.events import Continued, EventWriter, Failed, Finished, Forecast, Paused, Preparing, read_events
from studio.runs.leaving import Verified
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState
from studio.tui.app import StudioApp
from studio.tui.dialogs.form import SpecForm, fields_of
from studio.tui.dialogs.new_run import NewRunDialog
from studio.tui.run_poll import RunPoll
from studio.tui.screens.runs.shelf import Curves, Name, read_curves
from studio.tui.widgets.row_list import RowList
from tests.tui.data_story import NARROW, WIDE, press, project_with, said, shown, tickets
from tests.tui.resting import resize, settle
from tests.tui.run_story import STEPS, model_without_weights, opened_on, train_run, write_steps

FINISHED = Finished(seconds=12.0)


async def look(pilot: Pilot[None]) -> None:
    """What the timer does several times a second."""
    assert isinstance(pilot.app, StudioApp)
    await settle(pilot)
    pilot.app.poll_runs()
    await settle(pilot)


async def test_no_run_says_which_key_starts_one(tmp_path: Path) -> None:
    async with opened_on(Project.init(tmp_path), "runs") as pilot:
        assert "No runs yet." in shown(pilot)
        assert "n  starts a fine-tune" in shown(pilot)


async def test_the_chart_is_whole_after_closing_and_opening_again(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = train_run(project, "train-1", steps=20)
    with take_lock(directory.lock_path):
        async with opened_on(project, "runs") as pilot:
            assert "● running" in shown(pilot)
            assert "step 20 / 40" in shown(pilot)
        events = EventWriter(directory.events_path)
        write_steps(events, 21, 30)  # while no studio is open
        async with opened_on(project, "runs") as pilot:
            assert "step 30 / 40" in shown(pilot)
            await press(pilot, "left", "left", "left")
            assert "step 28 · epoch 1.40 · 5,600 tokens" in shown(pilot)
            write_steps(events, 31, STEPS)
            await look(pilot)
            assert "step 40 / 40" in shown(pilot)
    events.close()


async def test_a_finished_run_shows_its_best_evaluation_and_can_be_read_step_by_step(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    train_run(project, "train-1", ends=FINISHED)
    async with opened_on(project, "runs") as pilot:
        text = shown(pilot)
        assert "✓ finished" in text
        assert "eval 0.437 (best)" in text
        assert "★" in text
        assert "┊" in text
        assert "1e-3 ─" in text
        await press(pilot, "left")
        assert "step 40 · epoch 2.00 · 8,000 tokens" in shown(pilot)
        assert "smoothed" in shown(pilot)
        await press(pilot, "escape", "t", "L", "(", "(", "(")
        assert said(pilot) == "no smoothing"
        assert "x: epoch · log" in shown(pilot)


async def test_a_lost_run_shows_its_log_and_p_resumes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.init(tmp_path)
    train_run(project, "train-1", steps=12)
    launched: list[RunDirectory] = []
    monkeypatch.setattr("studio.acts.training.submit", launched.append)
    async with opened_on(project, "runs") as pilot:
        text = shown(pilot)
        assert "? lost: its process ended without a word" in text
        assert "Killed" in text
        assert "p resumes from the newest checkpoint" in text
        await press(pilot, "p")
        assert [directory.run_id for directory in launched] == ["train-1"]


async def test_a_failed_run_shows_what_happened_and_the_next_step(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    why = Failed(message="row 7 [red]has no tokens[/red] left.", hint="Raise max_length.")
    train_run(project, "train-1", steps=3, ends=why)
    async with opened_on(project, "runs") as pilot:
        assert "✗ failed: row 7 [red]has no tokens[/red] left." in shown(pilot)
        assert "Raise max_length." in shown(pilot)


async def test_a_torn_last_line_hides_nothing_before_it(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = train_run(project, "train-1", steps=15)
    with directory.events_path.open("a") as file:
        file.write('{"event": "step", "st')
    async with opened_on(project, "runs") as pilot:
        assert "step 15 / 40" in shown(pilot)


async def test_stop_asks_first_and_then_writes_the_stop_file(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = train_run(project, "train-1", steps=5)
    with take_lock(directory.lock_path):
        async with opened_on(project, "runs") as pilot:
            await press(pilot, "X")
            assert "stop train-1?" in shown(pilot)
            await press(pilot, "n")
            assert not directory.stop_path.exists()
            await press(pilot, "X", "y")
            assert directory.stop_path.exists()
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "X")
        assert said(pilot) == "train-1 is lost: nothing to stop"


async def test_a_change_of_status_is_said_and_the_header_counts_what_runs(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    directory = train_run(project, "train-1", steps=5)
    lock = take_lock(directory.lock_path)
    async with opened_on(project, "runs") as pilot:
        assert "Runs ●1" in shown(pilot)
        lock.close()
        await look(pilot)
        assert said(pilot) == "train-1 is lost: its process ended without a word · p resumes"
        assert "Runs ●1" not in shown(pilot)


async def test_another_run_on_the_chart_differs_by_its_glyph(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    for at, name in enumerate(("train-1", "train-2")):
        directory = train_run(project, name, ends=FINISHED, floor=0.3 + at)
        os.utime(directory.spec_path, (at, at))
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "space", "j")
        text = shown(pilot)
        assert "▲╍╍ train-2" in text
        assert "△" in text
        await press(pilot, "k", "space", "j")
        assert "▲" not in shown(pilot)


async def test_a_run_too_long_for_one_frame_is_read_in_a_thread_and_then_drawn_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.init(tmp_path)
    long = train_run(project, "train-2", ends=FINISHED)
    os.utime(train_run(project, "train-1", steps=4).spec_path, (1, 1))
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "left")
        at_once = shown(pilot)
        await press(pilot, ")")
        smoother = shown(pilot)
    in_threads: list[int] = []

    def reading(state: RunState, names: Sequence[Name]) -> Curves:
        in_threads.append(threading.get_ident())
        return read_curves(state, names)

    monkeypatch.setattr("studio.tui.screens.runs.shelf.MOST_IN_A_FRAME", 5)
    monkeypatch.setattr("studio.tui.screens.runs.run_view.read_curves", reading)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "left")
        assert shown(pilot) == at_once
        await press(pilot, ")")
        assert shown(pilot) == smoother, "what smooths a curve is read anew"
        assert len(in_threads) == 2 and threading.get_ident() not in in_threads
        await press(pilot, "j", "k")
        assert long.run_id in shown(pilot)
        assert len(in_threads) == 3, "a run that was put away is read again"


async def test_a_run_of_several_tasks_has_a_curve_for_each_and_f_chooses(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    train_run(project, "train-1", ends=FINISHED, tasks={"tickets": -0.25, "to\x1bne": 0.4})
    os.utime(train_run(project, "train-0", ends=FINISHED).spec_path, (1, 1))
    async with opened_on(project, "runs", NARROW) as pilot:
        text = shown(pilot)
        assert "▲ tickets  ■ to␛ne" in text
        assert text.count("▲") == 5 and text.count("■") == 5, "one at each evaluation, and in the legend"
        await press(pilot, "f")
        assert said(pilot) == "evaluations of all tasks together"
        assert "▲" not in shown(pilot)
        await press(pilot, "f", "f")
        assert "● evaluation of to␛ne" in shown(pilot)
        assert "★" not in shown(pilot), "the best of all tasks is no point of one task's curve"
        await press(pilot, "f", "left")
        assert "tickets 0.187" in " ".join(shown(pilot).split())
        await press(pilot, "escape", "j", "f")
        assert said(pilot) == "this run has no evaluations of several tasks"


async def test_at_80_by_24_the_list_is_a_line_and_the_chart_stays(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    for name in ("train-1", "train-2"):
        train_run(project, name, ends=FINISHED)
    async with opened_on(project, "runs", NARROW) as pilot:
        assert pilot.app.screen.query_one("#runs", RowList).size.height == 1
        assert "1/2 ↑↓" in shown(pilot)
        assert pilot.app.screen.query_one("#loss").size.height >= 9
        await press(pilot, "j")
        assert "2/2 ↑↓" in shown(pilot)


async def test_o_shows_the_log_and_enter_the_settings(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    train_run(project, "train-1", ends=FINISHED)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "o")
        assert "loading the model" in shown(pilot)
        await press(pilot, "enter")
        assert "batch_size" in shown(pilot)
        assert "Examples per optimizer step." in shown(pilot)
        await press(pilot, "escape")
        assert "batch_size" not in shown(pilot)


def ready_to_train(root: Path) -> Project:
    Project.init(root / "project", base_model=str(model_without_weights(root / "model")), max_length=128)
    project = project_with(root / "project", tickets(40))
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(0.1, 0.1, 0)
    return project


async def test_the_form_says_what_would_be_trained_and_refuses_bad_values_with_the_reason(tmp_path: Path) -> None:
    async with opened_on(ready_to_train(tmp_path), "runs") as pilot:
        await press(pilot, "n")
        assert isinstance(pilot.app.screen, NewRunDialog)
        assert "to train" in shown(pilot)
        assert "over max_length no row" in shown(pilot)
        form = pilot.app.screen
        for field, value, reason in (
            ("epochs", "0", "nothing would be learned"),
            ("batch_size", "2.5", "batch_size=2.5: a whole number is needed."),
            ("learning_rate", "3", "would blow up any model"),
            ("max_length", "20", "rows are over max_length=20"),
        ):
            line = form.query_one(f"#row-{field}").query_one(Input)
            before, line.value = line.value, value
            await settle(pilot)
            assert reason in " ".join(shown(pilot).split()), field
            await press(pilot, "ctrl+j")
            assert pilot.app.screen is form, "a refused run does not start"
            line.value = before
            await settle(pilot)


async def test_ctrl_g_measures_what_is_entered_and_esc_ends_that_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, ended = threading.Event(), list[bool]()

    def measuring(
        project: Project, store: Store, plan: TrainPlan, say: Callable[[str], None], is_cancelled: Callable[[], bool]
    ) -> Forecast:
        say("measuring a few steps")
        for _ in range(1000):
            if is_cancelled() or may_end.wait(0.01):
                break
        ended.append(is_cancelled())
        return Forecast(seconds=60, least_seconds=50, most_seconds=70, tokens_per_second=290, measured_steps=5)

    monkeypatch.setattr("studio.tui.dialogs.new_run.measure", measuring)
    async with opened_on(ready_to_train(tmp_path), "runs") as pilot:
        await press(pilot, "n")
        dialog = pilot.app.screen
        assert isinstance(dialog, NewRunDialog)
        dialog.action_measure()  # as the keys do, but what settles waits for the thread
        assert "esc ends the measuring" in str(dialog.query_one("#advice").render())
        await dialog.action_dismiss()
        await settle(pilot)
        assert isinstance(pilot.app.screen, NewRunDialog), "esc ends the measuring, and only that"
        assert "ctrl+g tries a few steps first" in shown(pilot)
        assert ended == [True]
        may_end.set()
        await press(pilot, "ctrl+g")
        assert "1 m 00 s (50 s to 1 m 10 s)" in shown(pilot)
        assert "290 tok/s by 5 measured steps" in shown(pilot)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, NewRunDialog)


async def test_what_is_typed_ahead_of_tab_lands_in_the_field_it_was_meant_for(tmp_path: Path) -> None:
    async with opened_on(ready_to_train(tmp_path), "runs") as pilot:
        await press(pilot, "n")
        form = pilot.app.screen
        rate, tasks = (form.query_one(f"#row-{name}").query_one(Input) for name in ("learning_rate", "tasks"))
        before = rate.value
        for _ in range(len(form.focus_chain)):
            if tasks.has_focus:
                break
            await press(pilot, "tab")
        assert tasks.has_focus
        await press(pilot, "shift+tab")
        for key in ("tab", "t", "o", "n", "e"):  # as a slow line delivers them: all at once
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await settle(pilot)
        assert (tasks.value, rate.value) == ("tone", before)


async def test_what_would_be_trained_is_written_anew_where_a_terminal_grows_behind_the_form(tmp_path: Path) -> None:
    on_one_line = "rows 31 to train, 5 to validate · tokens"
    async with opened_on(ready_to_train(tmp_path), "runs", NARROW) as pilot:
        await press(pilot, "n")
        assert on_one_line in shown(pilot)
        await resize(pilot, WIDE)
        assert on_one_line not in shown(pilot) and "31 to train" in shown(pilot)
        await resize(pilot, NARROW)
        assert on_one_line in shown(pilot)


async def test_ctrl_j_freezes_the_rows_and_starts_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = ready_to_train(tmp_path)
    launched: list[RunDirectory] = []
    monkeypatch.setattr("studio.acts.training.submit", launched.append)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "n")
        await press(pilot, "tab", "right", "ctrl+j")
        assert not isinstance(pilot.app.screen, NewRunDialog), "it need not be counted first to be started"
        await look(pilot)
        assert len(launched) == 1
        assert json.loads(launched[0].spec_path.read_text())["method"] == "full"
        assert launched[0].rows_path("train").exists()
        assert launched[0].run_id in shown(pilot)


def test_what_was_not_written_is_not_drawn_again(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    ended, live = train_run(project, "train-1", ends=FINISHED), train_run(project, "train-2", steps=5)
    poll = RunPoll(project.runs_path)
    with take_lock(live.lock_path):
        before = {state.run_id: state for state in poll.poll()}
        again = {state.run_id: state for state in poll.poll()}
        assert again[ended.run_id] is before[ended.run_id]
        assert again[live.run_id].series is before[live.run_id].series, (
            "the chart is drawn once a step, not once a look"
        )
        written = EventWriter(live.events_path)
        write_steps(written, 6, 6)
        written.close()
        (newest,) = [state for state in poll.poll() if state.run_id == live.run_id]
        assert newest.series.step[-1] == 6
        assert before[live.run_id].series.step[-1] == 5, "what a screen was given never changes under it"


async def test_a_new_run_begins_from_the_settings_of_the_run_under_the_cursor(tmp_path: Path) -> None:
    project = ready_to_train(tmp_path)
    earlier = train_run(project, "train-1", ends=FINISHED)
    spec = TrainSpec(
        base_model=str(tmp_path / "model"), epochs=3, lora_alpha=64, labels=("accept",), max_length=96, method="full"
    )
    write_whole(earlier.spec_path, spec.to_json())
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "n")
        form = pilot.app.screen.query_one(SpecForm).spec()
        assert form == replace(spec, tasks=()), "settings that the form has no line for come along"
        others = pilot.app.screen.query_one("#row-others").query_one(Input)
        assert others.value == "lora_alpha=64"
        others.value = "objective=text 'where=task = 3' seed=5"
        entered = pilot.app.screen.query_one(SpecForm).spec()
        assert entered == replace(spec, lora_alpha=32, objective="text", where="task = 3", seed=5), "and can be changed"
        others.value = "objective=poem"
        await settle(pilot)
        assert "objective=poem is not known" in shown(pilot)
        others.value = ""
        await settle(pilot)
        assert "labels" in shown(pilot), "which labels train is asked where the run is"
        assert "none is in the train split" in " ".join(shown(pilot).split()), "no row is accepted yet"


def test_the_form_and_the_verb_begin_with_the_same_settings() -> None:
    fields = fields_of(TrainSpec(), tuple(TrainSpec.settings()), values={}, notes={})
    assert {field.name: field.value for field in fields} == {
        name: default for name, (default, _) in TrainSpec.settings().items()
    }


async def test_what_a_run_measures_before_its_first_step_is_said_with_the_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project.init(tmp_path)
    run = train_run(project, "train-1", steps=0)
    with take_lock(run.lock_path):
        writer = EventWriter(run.events_path)
        writer.write(Preparing(message="measuring bfloat16"))
        writer.close()
        began = read_events(run.events_path)[0][-1].time
        monkeypatch.setattr("studio.tui.widgets.run_lines.time", SimpleNamespace(time=lambda: began + 4.5))
        async with opened_on(project, "runs") as pilot:
            await look(pilot)
            assert "measuring bfloat16 … 4 s" in shown(pilot)


async def test_a_run_that_was_started_says_how_long_it_will_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = ready_to_train(tmp_path)
    monkeypatch.setattr("studio.acts.training.submit", lambda directory: None)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "n", "ctrl+j")
        assert "how long it takes is said once its speed is measured" in pilot.app.last_said[0]  # type: ignore[attr-defined]


async def test_p_pauses_and_resumes_ctrl_s_saves_and_e_changes_the_length_of_a_live_run(tmp_path: Path) -> None:
    project = Project.init(tmp_path)
    run = train_run(project, "train-1", steps=10)
    with take_lock(run.lock_path):
        async with opened_on(project, "runs", NARROW) as pilot:
            await press(pilot, "ctrl+s")
            assert run.checkpoint_wish_path.exists()
            await press(pilot, "e")
            assert "epochs=3, or steps=400: in all" in shown(pilot)
            await press(pilot, *"steps=x", "enter")
            assert not run.length_path.exists()
            await press(pilot, *["backspace"] * 7, *"steps=60", "enter")
            assert json.loads(run.length_path.read_text()) == {"epochs": 3.0}
            assert "train-1 ends at step 60 instead of 40" in said(pilot)
            await press(pilot, "p")
            assert run.pause_path.exists()
            events_written = EventWriter(run.events_path)
            events_written.write(Paused(step=10))
            await look(pilot)
            assert "‖ paused, with a checkpoint · p goes on · X stop" in shown(pilot)
            await press(pilot, "p")
            assert not run.pause_path.exists()
            events_written.write(Continued(step=10))
            events_written.close()
            await look(pilot)
            assert "● running" in shown(pilot)


async def test_m_writes_a_standalone_model_and_esc_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project.init(tmp_path / "desk")
    directory = train_run(project, "train-1", ends=FINISHED)
    directory.result_path("adapter").mkdir()
    going, answers = threading.Event(), [None, Verified("float32", 3, 20, 2e-5, 1e-2, 3, 3, 9)]

    def stand_in(project: Project, plan: Merging, say: OnPart, is_cancelled: Callable[[], bool]) -> Verified | None:
        say(0.45, "merging")
        going.set()
        while len(answers) == 2 and not is_cancelled():
            going.wait(0.01)
        return answers.pop(0)

    monkeypatch.setattr("studio.acts.merging.merge", stand_in)
    async with opened_on(project, "runs") as pilot:
        await press(pilot, "m")
        line = pilot.app.screen.query_one(Input)
        assert line.value == "train-1-merged"
        line.value = str(tmp_path / "out")
        await pilot.press("enter")
        await asyncio.to_thread(going.wait, 5)
        await pilot.pause()
        assert "merging, 45% · esc ends it" in said(pilot)
        await press(pilot, "escape")
        assert said(pilot) == "the merge was ended; nothing was written"
        await press(pilot, "m")
        pilot.app.screen.query_one(Input).value = str(directory.path)
        await press(pilot, "enter")
        assert "the run itself is there" in shown(pilot)
        pilot.app.screen.query_one(Input).value = str(tmp_path / "out")
        await press(pilot, "enter")
        assert "3 of 3 greedy answers are the same" in said(pilot)
