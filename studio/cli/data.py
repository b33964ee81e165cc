"""Verbs over the store: import, export, label, undo, split, window, show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.app import app, project_of
from studio.cli.printing import progress_bar, say, write_json, write_line
from studio.dataset.formats import described, described_shapes, written_endings
from studio.errors import AskedWrongly
from studio.project import DEFAULT_MAX_LENGTH, DEFAULT_MODEL, Project
from studio.reports.numbers import counted, number, percent
from studio.reports.visible import visible

if TYPE_CHECKING:
    from studio.dataset.store import Change, Store
    from studio.reports.window import WindowReport

Json = Annotated[bool, typer.Option("--json", help="Machine-readable, on stdout.")]


@contextmanager
def store_of(project: Project) -> Iterator[Store]:
    """The project's store, open for the block."""
    from studio.dataset.store import Store

    with Store.open(project.store_path, project.settings().who) as store:
        yield store


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(help="Made when missing.")],
    base_model: Annotated[str, typer.Option(help="The project's base model.")] = DEFAULT_MODEL,
    max_length: Annotated[int, typer.Option(help="Tokens a training row may have.")] = DEFAULT_MAX_LENGTH,
) -> None:
    """Make a project folder."""
    project = Project.init(directory, base_model, max_length)
    with store_of(project):
        say(f"{directory} is a project now. Next: studio -C {directory} import FILE, or studio open {directory}")


@app.command("import")
def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help=f"{described()}; of {described_shapes()}.")],
    task: Annotated[str, typer.Option(help="The task of rows that name none.")] = "",
    mapping: Annotated[str, typer.Option("--map", help="Columns: prompt=COL,completion=COL")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import prompt-completion pairs; bad rows are listed by file and line, good ones are kept."""
    from studio.acts.importing import confirm_import, parse_mapping, preview_import

    columns = parse_mapping(mapping) or None
    with store_of(project_of(ctx)) as store:
        preview = preview_import(store, files, columns, task)
        for problem in preview.problems:
            say(visible(str(problem)))
        added, duplicates = preview.added, preview.duplicates
        if not dry_run:
            result = confirm_import(store, preview)
            added, duplicates = result.added, result.duplicates
    if as_json:
        write_json(
            {
                "added": added,
                "duplicates": duplicates,
                "problems": [asdict(problem) for problem in preview.problems],
                "is_dry_run": dry_run,
            }
        )
    verb = "would add" if dry_run else "added"
    problems = counted(len(preview.problems), "problem")
    say(f"{verb} {counted(added, 'example')} · {number(duplicates)} already there · {problems}")
    if preview.problems and not preview.candidates:
        raise typer.Exit(1)


@app.command("export")
def export_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help=f"Ends in {written_endings()}.")],
    where: Annotated[str, typer.Option(help="Only rows for which this SQL condition holds.")] = "",
) -> None:
    """Export examples with their labels and splits."""
    from studio.acts.exporting import export_examples

    with store_of(project_of(ctx)) as store:
        count = export_examples(store, file, [int(example_id) for example_id in store.view_ids(where=where)])
    say(f"wrote {counted(count, 'example')} to {file}")


@app.command()
def stats(ctx: typer.Context, as_json: Json = False) -> None:
    """How many examples, by label, split and task."""
    with store_of(project_of(ctx)) as store:
        counted = store.stats()
    if as_json:
        write_json(asdict(counted))
        return
    write_line(f"examples  {number(counted.examples):>9}")
    for title in ("labels", "splits", "tasks"):
        for name, count in getattr(counted, title).items():
            write_line(f"{title:<9} {number(count):>9}  {visible(name or '(none)', single_line=True)}")
            title = ""


@app.command()
def label(
    ctx: typer.Context,
    example_ids: Annotated[list[int], typer.Argument(metavar="ID...")],
    accept: Annotated[bool, typer.Option("--accept")] = False,
    reject: Annotated[bool, typer.Option("--reject")] = False,
    skip: Annotated[bool, typer.Option("--skip")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Back to no label.")] = False,
) -> None:
    """Label examples; one undo takes all of them back."""
    wanted = {"accept": accept, "reject": reject, "skip": skip, "none": clear}
    chosen = [name for name, is_chosen in wanted.items() if is_chosen]
    if len(chosen) != 1:
        raise AskedWrongly("name one label.", "One of --accept, --reject, --skip, --clear.")
    with store_of(project_of(ctx)) as store:
        say(store.set_label(example_ids, chosen[0]).summary)


@app.command()
def undo(ctx: typer.Context) -> None:
    """Take the newest change back: a label, an edit, an import, a split."""
    with store_of(project_of(ctx)) as store:
        _say_change(store.undo(), "undone", "nothing to undo")


@app.command()
def redo(ctx: typer.Context) -> None:
    """Do again what undo took back."""
    with store_of(project_of(ctx)) as store:
        _say_change(store.redo(), "redone", "nothing to redo")


@app.command()
def split(
    ctx: typer.Context,
    test: Annotated[float, typer.Option(help="Share of the test split.")] = 0.1,
    validation: Annotated[float, typer.Option(help="Share of the validation split.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Only rows without a split.")] = False,
    as_json: Json = False,
) -> None:
    """Assign train, validation and test by a hash of the prompt.

    Equal prompts stay together, and new rows move no old one.
    """
    with store_of(project_of(ctx)) as store:
        change = store.assign_splits(test, validation, seed, keep_assigned=keep)
        counted = store.stats().splits
    if as_json:
        write_json({"splits": counted})
    say(f"{change.summary} · " + " · ".join(f"{name} {number(count)}" for name, count in counted.items() if count))


@app.command()
def window(
    ctx: typer.Context,
    model: Annotated[str, typer.Option("--model", help="Default: the project's base model.")] = "",
    max_length: Annotated[int, typer.Option("--max-length", help="Default: the project's.")] = 0,
    shots: Annotated[
        list[int] | None, typer.Option("--shots", help="What K examples in the prompt cost; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every row against the context window: what a cut at max_length would take away."""
    from studio.acts.window import check_window
    from studio.models.finding import resolve_model

    project = project_of(ctx)
    settings = project.settings()
    folder = resolve_model(model or settings.base_model, settings.trusted_models)
    limit = max_length or settings.max_length
    with store_of(project) as store, progress_bar() as bar:
        task = bar.add_task("counting tokens", total=None)
        report = check_window(
            store, folder, limit, shots or (0, 1, 5), lambda done, total: bar.update(task, completed=done, total=total)
        )
    if as_json:
        write_json(report.to_dict())
    else:
        _write_window(report)


@app.command()
def show(
    ctx: typer.Context,
    example_id: Annotated[int, typer.Argument(metavar="ID")],
    tokens: Annotated[bool, typer.Option("--tokens", help="Token by token, as it is trained.")] = False,
    model: Annotated[str, typer.Option("--model", help="Whose tokens; default: the project's base model.")] = "",
    as_json: Json = False,
) -> None:
    """Show one example whole."""
    project = project_of(ctx)
    with store_of(project) as store:
        example = store.example(example_id)
    if tokens:
        from studio.acts.window import as_trained
        from studio.models.finding import resolve_model

        settings = project.settings()
        row = as_trained(
            resolve_model(model or settings.base_model, settings.trusted_models), example, settings.max_length
        )
        if as_json:
            write_json(asdict(row))
            return
        write_line(f"seen ({counted(row.prompt_tokens, 'token')})\n{'│'.join(map(visible, row.seen))}\n")
        write_line(f"learned ({counted(row.completion_tokens, 'token')})\n{'│'.join(map(visible, row.learned))}\n")
        write_line(f"fate at max_length {row.max_length}: {row.fate}")
        return
    if as_json:
        write_json(asdict(example))
        return
    facts = [f"{example.example_id}", example.task or "no task", f"label {example.label}", f"split {example.split}"]
    write_line(visible(" · ".join([*facts, f"revision {example.revision}"]), single_line=True))
    for title in ("system", "prompt", "completion"):
        if text := getattr(example, title):
            write_line(f"\n{title}\n{visible(text)}")


def _say_change(change: Change | None, done: str, nothing: str) -> None:
    say(f"{done}: {change.summary}" if change else nothing)


def _write_window(report: WindowReport) -> None:
    write_line(
        f"tokens per example  median {number(report.median)} · p95 {number(report.p95)} · max {number(report.max)} · "
        f"n {number(report.n)}"
    )
    write_line(f"\nfate at max_length {number(report.max_length)}")
    for fate, count in report.fates.items():
        write_line(f"  {fate:<22} {number(count):>9}  {percent(count / max(1, report.n)):>7}")
    write_line("\nshots  prompt tokens  of the window  rows that no longer fit")
    for cost in report.shots:
        share, unfit = percent(cost.share_of_window), number(cost.rows_that_no_longer_fit)
        write_line(f"{cost.shots:>5}  {number(cost.prompt_tokens_mean):>13}  {share:>13}  {unfit:>22}")
