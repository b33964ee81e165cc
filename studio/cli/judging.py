"""Verbs that judge: compare arms on held-out rows, try one prompt."""

from __future__ import annotations

import queue
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.common import Json, Settings, Verb, project_of, settings_option, store_of, write_table
from studio.cli.printing import say, words, write_data, write_json, write_line
from studio.cli.running import follow
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.reports.locks import locks_sentence
from studio.reports.numbers import counted
from studio.runs.arms import arm_from, usage
from studio.runs.directory import find_run
from studio.runs.settings import items_of
from studio.runs.specs import CompareSpec
from studio.runs.trying import TrySettings

if TYPE_CHECKING:
    from studio.acts.comparing import ComparePlan
    from studio.scoring.comparison import Comparison

DEFAULT_ARMS = ",".join(CompareSpec.arms)


def compare(
    ctx: typer.Context,
    run: Annotated[
        str,
        typer.Option(
            "--run", metavar="RUN", help="The train run of the tuned arm.", show_default="the newest that can answer"
        ),
    ] = "",
    arms: Annotated[str, typer.Option(metavar="ARMS", help=f"Which of {usage()}; separated by commas.")] = DEFAULT_ARMS,
    limit: Annotated[
        int, typer.Option(metavar="N", help="At most this many rows, evenly over the tasks.", show_default="all")
    ] = 0,
    tasks: Annotated[
        str, typer.Option(metavar="TASKS", help="Only these, separated by commas.", show_default="all")
    ] = "",
    split: Annotated[str, typer.Option(metavar="SPLIT", help="test or validation")] = "test",
    forgetting: Annotated[
        bool,
        typer.Option("--forgetting", help="Ask what the run did not learn, before and after: what has it forgotten?"),
    ] = False,
    settings: Settings = None,
    list_them: Annotated[bool, settings_option(CompareSpec)] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress, then the result.")] = False,
    show: Annotated[str, typer.Option("--show", metavar="RUN", help="The result of an earlier comparison.")] = "",
    by_task: Annotated[bool, typer.Option("--by-task", help="With the result, also every task's scores.")] = False,
    all_scores: Annotated[
        bool, typer.Option("--scores", help="With the result, also every score, JSON field and confusion table.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Start nothing: say what decides, how long it takes, what it can show.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Wait, then the result as JSON.")] = False,
) -> None:
    """Let every arm answer the same held-out rows, and say which is better and how sure that is."""
    from studio.acts.answering import newest_tuned
    from studio.acts.compare_plan_words import own_code_words
    from studio.acts.comparing import plan_comparison, start_planned

    project = project_of(ctx)
    if show:
        write_comparison(project, show, as_json=as_json, by_task=by_task, all_scores=all_scores)
        return
    if forgetting and arms == DEFAULT_ARMS:
        arms = "zero_shot,tuned"
    chosen = tuple(arm.strip() for arm in items_of("arms", arms) if arm.strip())
    if not run and any(arm.is_tuned and not arm.by.name for arm in map(arm_from, chosen)):
        run = newest_tuned(project)
    of_tasks = tuple(filter(None, tasks.split(",")))
    named = CompareSpec(run_id=run, arms=chosen, limit=limit, split=split, tasks=of_tasks, is_forgetting=forgetting)
    spec = named.replaced(settings or [])
    with store_of(project) as store:
        plan = plan_comparison(project, store, spec)
        if dry_run:
            _write_plan(plan, as_json=as_json)
            return
        if own := own_code_words(plan):
            say(own)
        run_id = start_planned(project, store, plan)
    if wait or as_json:
        follow(find_run(project.runs_path, run_id))
        write_comparison(project, run_id, as_json=as_json, by_task=by_task, all_scores=all_scores)
    else:
        write_line(run_id)
        say(f"answering in the background; studio compare --show {run_id}")


def _write_plan(plan: ComparePlan, *, as_json: bool) -> None:
    """On stdout."""
    from studio.acts.compare_plan_words import compare_facts, plan_as_json

    if as_json:
        write_json(plan_as_json(plan))
        return
    for name, said, _ in compare_facts(plan):
        write_line(f"{name:<12}{said}")


def try_prompt(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to ask.")],
    model: Annotated[
        str, typer.Option("--model", metavar="MODEL", help="A base model.", show_default="the project's")
    ] = "",
    run: Annotated[
        str, typer.Option("--run", metavar="RUN", help="A train run: its base model and its tuned one answer.")
    ] = "",
    arms: Annotated[
        str,
        typer.Option(metavar="ARMS", help=f"Which of {usage()}; separated by commas.", show_default="by --run"),
    ] = "",
    system: Annotated[str, typer.Option(metavar="TEXT", help="A system message.")] = "",
    max_new_tokens: Annotated[int, typer.Option(metavar="N", help="An answer is cut after this many tokens.")] = 256,
    settings: Settings = None,
    list_them: Annotated[bool, settings_option(TrySettings)] = False,
    as_json: Json = False,
) -> None:
    """Ask one prompt of a model, of a run beside its base model, or of any arms."""
    from studio.acts.trying import Answerer, Question, question_for

    if model and run:
        raise AskedWrongly("--model and --run are both given.", "--run brings its base model along.")
    chosen = tuple(items_of("arms", arms)) or (("zero_shot", "tuned") if run else ("zero_shot",))
    asked = TrySettings(
        base_model=model, run_id=run, arms=chosen, system=system, max_new_tokens=max_new_tokens
    ).replaced(settings or [])
    project = Project(ctx.find_root().obj)

    def question() -> Question:
        if not any(arm.prompting.needs_rows for arm in asked.parsed_arms):
            return question_for(project, None, asked, prompt, {})
        with store_of(project) as store:
            return question_for(project, store, asked, prompt, {})

    replies: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    answerer = Answerer(replies.put)
    try:
        answerer.ask(1, question())
        with words().status("loading the model"):
            answers = _answers(replies, asked.arms)
    finally:
        answerer.close()
    if as_json:
        write_json({"prompt": prompt, "arms": answers})
    else:
        for arm, answer in answers.items():
            _write_answer(arm, answer)
    failed = [answer["error"] for answer in answers.values() if "error" in answer]
    if len(failed) == len(answers):
        raise StudioError(failed[0]["message"], failed[0].get("hint", ""))


def _write_answer(arm: str, answer: dict[str, Any]) -> None:
    if "error" in answer:
        say(f"{arm} · {answer['error']['message']}")
        return
    facts = [arm, counted(answer["tokens"], "token"), f"{answer['tokens_per_second']:.1f} tok/s"]
    say(" · ".join([*facts, *([answer["dtype"]] if answer.get("dtype") else [])]))
    write_data(answer["text"])
    sys.stdout.flush()


def write_comparison(
    project: Project, run_id: str, *, as_json: bool = False, by_task: bool = False, all_scores: bool = False
) -> None:
    """The result of a finished comparison on stdout. Raises StudioError while there is none."""
    from studio.acts.comparing import load_comparison

    comparison = load_comparison(project, run_id)
    if comparison.scores is None:
        raise StudioError(f"{comparison.run_id} has no result yet.", f"studio watch {comparison.run_id}")
    if as_json:
        write_json({"run_id": comparison.run_id, **comparison.scores.to_dict(), **comparison.computed})
        return
    _write_scores(comparison.scores, comparison.context_window, by_task=by_task, all_scores=all_scores)
    if said := locks_sentence(comparison.spec.test_locks):
        write_line(f"\n{said}")
    if probe := comparison.computed.get("probe"):
        write_line(f"\n{probe['words']}.")


def _write_scores(scores: Comparison, context_window: int | None, *, by_task: bool, all_scores: bool) -> None:
    """The table of arms and the verdict, as the Compare screen has them."""
    from studio.reports.compare import compare_table, task_table
    from studio.reports.scores import all_scores_tables

    write_table(compare_table(scores, context_window))
    if by_task:
        write_line("")
        write_table(task_table(scores))
    if all_scores:
        for title, table in all_scores_tables(scores):
            write_line(f"\n{title}")
            write_table(table)
    write_line(f"\n{scores.verdict}")


def _answers(replies: queue.SimpleQueue[dict[str, Any]], arms: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By arm what it said and what that took, or why it has no answer. Raises StudioError where none can answer."""
    answers: dict[str, dict[str, Any]] = {arm: {"text": ""} for arm in arms}
    waiting = set(arms)
    while waiting:
        reply = replies.get()
        arm = reply.get("arm")
        if "error" in reply and arm is None:
            raise StudioError(reply["error"]["message"], reply["error"].get("hint", ""))
        if arm is None:
            continue
        answers[arm]["text"] += reply.get("text", "")
        if reply.get("done") or "error" in reply:
            answers[arm] |= {name: reply[name] for name in _FACTS if reply.get(name) is not None}
            waiting.discard(arm)
    return answers


_FACTS = (
    "tokens", "tokens_per_second", "prompt_tokens", "dtype", "ttft_seconds", "stop_reason", "cost", "error",
)  # fmt: skip


VERBS: tuple[Verb, ...] = (
    Verb("compare", compare),
    Verb("try", try_prompt),
)
