"""Verbs over runs: train, runs, watch, stop, resume."""

from __future__ import annotations

import time
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.common import Json, RunId, Settings, Verb, project_of, settings_option, store_of, write_table
from studio.cli.printing import progress_bar, say, words, write_json, write_line
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.forecast import forecast_words, outcome_words
from studio.reports.mixture import task_losses_words
from studio.reports.numbers import duration, loss, number
from studio.runs.directory import RunDirectory, find_run
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState, state_as_json
from studio.runs.watch import RunWatch

if TYPE_CHECKING:
    from studio.acts.training import TrainPlan
    from studio.dataset.store import Store
    from studio.runs.events import Forecast

POLL_SECONDS = 0.25


def train(
    ctx: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML, named as --set names them.")
    ] = None,
    settings: Settings = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Start nothing: say what would become of every row, and what it takes.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Start nothing: as --dry-run, and try a few steps for time and memory.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until it has ended.")] = False,
    list_them: Annotated[bool, settings_option(TrainSpec)] = False,
    as_json: Json = False,
) -> None:
    """Start a fine-tune in the background; its run id is printed at once.

    It learns the rows of the train split, which studio split assigns, and measures itself on those of validation.
    """
    from studio.acts.plan_words import forecast_words as planned_words
    from studio.acts.training import begin_training, plan_training
    from studio.reports.mixture import shares_words

    project = project_of(ctx)
    defaults = {"max_length": project.settings().max_length}
    spec = TrainSpec.from_dict(defaults | (_config(config) if config else {})).replaced(settings or [])
    with store_of(project) as store:
        if dry_run or measure:
            plan = plan_training(project, store, spec, prove_all=True)
            _say_plan(plan, _measured(project, store, plan) if measure else None, as_json)
            return
        run_id, plan = begin_training(project, store, spec)
    if len(plan.shares) > 1:
        say(f"an epoch of {shares_words(plan.shares)}")
    if not as_json and not wait:
        say(f"forecast: {planned_words(plan)}")
    _report_started(project, run_id, wait, as_json)


def _measured(project: Project, store: Store, plan: TrainPlan) -> Forecast | None:
    """By a few steps; None where the plan refuses the run, which is said with it."""
    from studio.acts.measuring import measure

    return None if plan.refusal else measure(project, store, plan, say)


def _say_plan(plan: TrainPlan, measured: Forecast | None, as_json: bool) -> None:
    """On stdout; raises what would refuse the run."""
    from studio.acts.plan_words import plan_facts

    if as_json:
        said = asdict(measured) if measured else None
        write_json({**asdict(plan), "refusal": str(plan.refusal) if plan.refusal else None, "measured": said})
    else:
        for name, words, _ in plan_facts(plan, measured):
            write_line(f"{name:<16}{words}")
    if plan.refusal:
        raise plan.refusal


def runs(ctx: typer.Context, as_json: Json = False) -> None:
    """All runs, newest first."""
    from studio.acts.training import run_states
    from studio.reports.runs import runs_table

    states = run_states(project_of(ctx))
    if as_json:
        write_json([state_as_json(state) for state in states])
        return
    if states:
        write_table(runs_table(states))
    else:
        say("no runs yet; studio train starts one")


def watch(ctx: typer.Context, run: RunId, as_json: Json = False) -> None:
    """Follow a run until it has ended; Ctrl-C leaves it going."""
    follow(find_run(project_of(ctx).runs_path, run), as_json)


def stop(
    ctx: typer.Context,
    run: RunId,
    now: Annotated[
        bool, typer.Option("--now", help="End its process at once; what came after the newest checkpoint is lost.")
    ] = False,
) -> None:
    """Stop a run: its step is finished and a checkpoint written."""
    from studio.acts.training import stop_run

    directory = stop_run(project_of(ctx), run, at_once=now)
    if now:
        say(f"{directory.run_id} was ended; studio resume {directory.run_id} goes on from its newest checkpoint")
        return
    say(f"{directory.run_id} stops after this step and keeps a checkpoint; studio resume {directory.run_id} goes on")


def resume(
    ctx: typer.Context,
    run: RunId,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also with another torch, transformers or peft than it began with.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Go on with a paused run, or from the newest checkpoint of a stopped, failed or lost one."""
    from studio.acts.training import resume_run

    project = project_of(ctx)
    _report_started(project, resume_run(project, run, anyway=anyway).run_id, wait, as_json)


def _report_started(project: Project, run_id: str, wait: bool, as_json: bool) -> None:
    if wait:
        follow(find_run(project.runs_path, run_id), as_json)
    elif as_json:
        write_json({"run_id": run_id})
    else:
        write_line(run_id)
        say(f"running in the background; studio watch {run_id}")


def follow(directory: RunDirectory, as_json: bool = False) -> RunState:
    """Show a run's progress on stderr until it has ended. Leaving it with ctrl+c leaves the run going.

    Raises StudioError when the run failed or was lost.
    """
    watch = RunWatch(directory)
    state = watch.poll()
    shown_evaluations, forecast = 0, None
    warned: set[tuple[int, str]] = set()
    with progress_bar() as bar:
        task = bar.add_task(state.run_id, total=None)
        while state.is_live:
            bar.update(task, completed=state.step, total=state.steps or None, description=_facts(state))
            if len(state.series.eval_step) > shown_evaluations:
                shown_evaluations = len(state.series.eval_step)
                _say_evaluation(state)
            _say_new_warnings(state, warned)
            if state.forecast and state.forecast is not forecast:
                forecast = state.forecast
                say(f"{state.run_id}  {forecast_words(state)}")
            time.sleep(POLL_SECONDS)
            state = watch.poll()
    _say_new_warnings(state, warned)
    if as_json:
        write_json(state_as_json(state))
    if of_tasks := task_losses_words(state.series):
        say(f"{state.run_id}  {of_tasks}")
    if words_at_end := outcome_words(state):
        say(f"{state.run_id}  {words_at_end}")
    say(f"{state.run_id}  {state.status}  {_facts(state)}")
    if state.status in ("failed", "lost", "damaged"):
        raise StudioError(f"{state.run_id} {state.status}: {state.message}", state.hint or watch.log_tail(3))
    return state


def _say_evaluation(state: RunState) -> None:
    """Where no progress bar says it; the losses of each task of a run of several anywhere."""
    if not words().is_terminal:
        say(f"{state.run_id}  {_facts(state)}")
    if of_tasks := task_losses_words(state.series):
        say(f"{state.run_id}  {of_tasks}")


def _say_new_warnings(state: RunState, warned: set[tuple[int, str]]) -> None:
    for step, message in state.series.warnings:
        if (step, message) not in warned:
            warned.add((step, message))
            say(f"{state.run_id}  warning at step {number(step)}: {message}")


def _facts(state: RunState) -> str:
    """One line of what matters now."""
    if state.status == "damaged":
        return state.message
    facts = [state.phase] if state.phase else []
    if state.steps:
        noun = "answer" if state.kind == "compare" else "step"
        facts.append(f"{noun} {number(state.step)} / {number(state.steps)}")
    facts += [
        f"{name} {loss(value)}"
        for name, value in (("loss", state.loss), ("eval", state.eval_loss))
        if value is not None
    ]
    if state.tokens_per_second:
        facts.append(f"{number(round(state.tokens_per_second))} tok/s")
    if state.elapsed_seconds:
        facts.append(duration(state.elapsed_seconds))
    if state.eta_seconds is not None:
        facts.append(f"{duration(state.eta_seconds)} left")
    return " · ".join(facts) or state.message


def _config(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AskedWrongly(f"{path}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AskedWrongly(f"{path}: not valid TOML: {error}.") from error


VERBS: tuple[Verb, ...] = (
    Verb("train", train),
    Verb("runs", runs),
    Verb("watch", watch),
    Verb("stop", stop),
    Verb("resume", resume),
)
