"""Verbs over the store: import, export, undo, split, window, show; and the list of them with those over rows."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from studio.cli.common import AsOf, Json, Model, Verb, project_of, store_of, write_table
from studio.cli.printing import ask, can_ask, progress_bar, say, write_json, write_line
from studio.cli.rows import label, rows
from studio.dataset.formats import (
    described,
    described_shapes,
    listed,
    packed_endings,
    written_endings,
    written_shapes,
)
from studio.errors import AskedWrongly
from studio.project import DEFAULT_MAX_LENGTH, DEFAULT_MODEL, Project
from studio.reports.numbers import counted, number
from studio.reports.visible import visible
from studio.templates import several, template_named
from studio.turns import turns_in

if TYPE_CHECKING:
    from studio.dataset.store import Change


def init(
    directory: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made when missing.")],
    base_model: Annotated[str, typer.Option(metavar="MODEL", help="The project's base model.")] = DEFAULT_MODEL,
    max_length: Annotated[int, typer.Option(metavar="N", help="Tokens a training row may have.")] = DEFAULT_MAX_LENGTH,
) -> None:
    """Make a project folder."""
    project = Project.init(directory, base_model, max_length)
    with store_of(project):
        say(f"{directory} is a project now. Next: studio -C {directory} import FILE, or studio open {directory}")


def import_files(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help=f"{described()}, also packed ({packed_endings()}); of {described_shapes()}. A folder, a pattern, "
            "hf:OWNER/NAME:SPLIT for a dataset of the hub; - reads what is piped in.",
        ),
    ],
    task: Annotated[str, typer.Option(metavar="TASK", help="The task of rows that name none.")] = "",
    mapping: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="COLUMNS",
            help="Other names: prompt=COL,completion=COL. A text in quotes is for all rows: system='\"Be brief.\"'",
        ),
    ] = "",
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            metavar="TEMPLATE",
            help="Make each row of the file's columns: a Jinja text, as 'Summarize:\\n\\n{{dialogue}}', or a name "
            "(studio template list). Several spread over the rows.",
        ),
    ] = None,
    completion_template: Annotated[
        str, typer.Option("--completion-template", metavar="TEXT", help="The same for completions, as '{{summary}}'.")
    ] = "",
    prompt_template: Annotated[
        str,
        typer.Option(
            "--prompt-template",
            metavar="TEXT",
            help="Text around every prompt, as 'Translate.\\n\\n{prompt}'.",
        ),
    ] = "",
    by_lines: Annotated[
        bool, typer.Option("--lines", help="Of a plain text file each line is an example, not the whole.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Import prompt-completion pairs; bad rows are listed by file and line, good ones are kept."""
    from studio.acts.importing import STDIN, already_there, confirm_import, parse_mapping, preview_import, shapes_said

    columns = parse_mapping(mapping) or None
    stdin = _piped_in() if STDIN in files else None
    project = project_of(ctx)
    own = project.settings().templates
    asked = [template_named(one, own, completion_template, task) for one in template or ()]
    made_by = several(asked) if asked else None
    with store_of(project) as store:
        preview = preview_import(
            store,
            files,
            columns,
            task,
            stdin=stdin,
            prompt_template=prompt_template,
            by_lines=by_lines,
            template=made_by,
        )
        for problem in preview.problems:
            say(visible(preview.problem_words(problem)))
        result = preview.plan if dry_run else confirm_import(store, preview)
    if as_json:
        write_json(
            {
                "added": result.added,
                "duplicates": result.duplicates,
                "duplicates_of_another_task": result.of_another_task,
                "shapes": preview.shapes,
                "problems": [asdict(problem) for problem in preview.problems],
                "is_dry_run": dry_run,
            }
        )
    verb = "would add" if dry_run else "added"
    problems = counted(len(preview.problems), "problem")
    read_as = f" · read as {shapes_said(preview)}" if preview.shapes else ""
    say(f"{verb} {counted(result.added, 'example')} · {already_there(result)} · {problems}{read_as}")
    if preview.problems and not preview.candidates:
        raise typer.Exit(1)


def export_file(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=f"Ends in {written_endings()}. - writes JSONL to standard output.")
    ],
    where: Annotated[str, typer.Option(metavar="SQL", help="Only rows for which this condition holds.")] = "",
    split: Annotated[str, typer.Option("--split", metavar="SPLIT", help="Only rows of this split.")] = "",
    shape: Annotated[
        str, typer.Option("--shape", metavar="SHAPE", help=f"How a row is written: {listed(written_shapes())}.")
    ] = "pair",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists, and do not ask.")] = False,
) -> None:
    """Export examples with their labels and splits."""
    from studio.acts.exporting import STDOUT, export_examples, export_to_stream, in_split

    may_replace = file != STDOUT and _may_replace(file, force)
    with store_of(project_of(ctx)) as store:
        ids = [int(example_id) for example_id in store.view_ids(where=in_split(where, split))]
        if file == STDOUT:
            count = export_to_stream(store, sys.stdout.buffer, ids, shape=shape)
        else:
            count = export_examples(store, file, ids, may_replace=may_replace, shape=shape)
    say(f"wrote {counted(count, 'example')} to {'standard output' if file == STDOUT else visible(str(file))}")


def stats(ctx: typer.Context, as_json: Json = False) -> None:
    """How many examples, by label, split and task."""
    from studio.reports.stats import stats_table

    with store_of(project_of(ctx)) as store:
        found = store.stats()
    if as_json:
        write_json(asdict(found))
    else:
        write_table(stats_table(found))


def undo(ctx: typer.Context) -> None:
    """Take your newest change back: a label, an edit, an import, a split.

    What others did is theirs to undo; what they have changed since is left as it is.
    """
    with store_of(project_of(ctx)) as store:
        _say_change(store.undo(), "undone", f"{store.who} has nothing to undo")


def redo(ctx: typer.Context) -> None:
    """Do again what undo took back."""
    with store_of(project_of(ctx)) as store:
        _say_change(store.redo(), "redone", f"{store.who} has nothing to redo")


def split(
    ctx: typer.Context,
    test: Annotated[float, typer.Option(metavar="SHARE", help="Share of the test split, 0 to 1.")] = 0.1,
    validation: Annotated[float, typer.Option(metavar="SHARE", help="Share of the validation split, 0 to 1.")] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another split.", show_default="0")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Give a split only to rows that have none.")] = False,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="WHAT",
            help="What stays together: prompt, near (nearly equal prompts too), source, or a column of templated rows.",
            show_default="near where that is quick, else prompt",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Assign train, validation and test by a hash of the prompt.

    Equal prompts stay together, and where --by says so nearly equal ones, or all of one document or person. New rows
    move no old one. A locked test set stays as it is.
    """
    from studio.acts.splitting import assign_splits

    with store_of(project_of(ctx)) as store, progress_bar() as bar:
        task = bar.add_task("looking for near rows", total=None)
        change = assign_splits(
            store,
            test,
            validation,
            seed,
            keep_assigned=keep,
            by=by,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        splits = store.stats().splits
    if as_json:
        write_json({"splits": splits})
    say(f"{change.summary} · " + " · ".join(f"{name} {number(count)}" for name, count in splits.items() if count))


def window(
    ctx: typer.Context,
    model: Model = "",
    max_length: Annotated[
        int,
        typer.Option("--max-length", metavar="N", help="Tokens a training row may have.", show_default="the project's"),
    ] = 0,
    max_target_length: Annotated[
        int,
        typer.Option(
            "--max-target-length",
            metavar="N",
            help="Encoder-decoder models: tokens a completion may have.",
            show_default="as max_length",
        ),
    ] = 0,
    shots: Annotated[
        list[int] | None,
        typer.Option(
            "--shots", metavar="K", help="What K examples in the prompt cost; repeatable.", show_default="0, 1, 5"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every row against the context window: what a cut at max_length would take away."""
    from studio.acts.window import check_window
    from studio.models.finding import resolve_model
    from studio.reports.window import fate_table, lengths_sentence, shots_table

    project = project_of(ctx)
    settings = project.settings()
    folder = resolve_model(model or settings.base_model, settings.trusted_models)
    limit = max_length or settings.max_length
    with store_of(project) as store, progress_bar() as bar:
        task = bar.add_task("counting tokens", total=None)
        report = check_window(
            store,
            folder,
            limit,
            shots or (0, 1, 5),
            lambda done, total: bar.update(task, completed=done, total=total),
            max_target_length=max_target_length,
        )
    if as_json:
        write_json(report.to_dict())
        return
    write_line(f"tokens per example: {lengths_sentence(report)}")
    write_line(f"\nwhat becomes of every row at {report.limits}")
    write_table(fate_table(report))
    write_line(f"\nexamples in the prompt instead, in {report.window.words}")
    write_table(shots_table(report))


def show(
    ctx: typer.Context,
    example_id: Annotated[int, typer.Argument(metavar="ID", help="The row's number, as Data and studio rows show it.")],
    tokens: Annotated[bool, typer.Option("--tokens", help="Token by token, as it is trained.")] = False,
    objective: Annotated[
        str,
        typer.Option(
            "--objective", metavar="OBJECTIVE", help="With --tokens: completion, sequence or text is learned."
        ),
    ] = "completion",
    learned_turns: Annotated[
        str, typer.Option("--learned-turns", metavar="TURNS", help="With --tokens: the last answer is learned, or all.")
    ] = "last",
    model: Model = "",
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """Show one example whole, as it is or as it was at a moment."""
    from studio.acts.moments import example_as_of, moment_of

    project = project_of(ctx)
    moment = moment_of(as_of) if as_of else None
    with store_of(project) as store:
        example = example_as_of(store, example_id, moment) if moment else store.example(example_id)
    if tokens:
        from studio.acts.window import as_trained, objective_named
        from studio.models.finding import resolve_model

        settings = project.settings()
        folder = resolve_model(model or settings.base_model, settings.trusted_models)
        budget = folder.layout.budget(settings.max_length)
        row = as_trained(folder, example, budget, objective_named(objective, learned_turns))
        if as_json:
            write_json(asdict(row))
            return
        is_apart = row.max_target_length is not None
        seen, learned = ("source, seen", "target, learned") if is_apart else ("seen", "learned")
        for one in row.stretches:
            head = f"{learned if one.is_learned else seen} ({counted(one.tokens, 'token')})"
            write_line(f"{head}\n{'│'.join(map(visible, one.pieces))}\n")
        write_line(f"fate at {row.limits}: {row.fate}")
        return
    if as_json:
        write_json(asdict(example))
        return
    facts = [f"{example.example_id}", example.task or "no task", f"label {example.label}", f"split {example.split}"]
    write_line(visible(" · ".join([*facts, f"revision {example.revision}"]), single_line=True))
    earlier = [(f"{turn.role}, earlier", turn.text) for turn in turns_in(example.context)]
    texts = [("system", example.system), *earlier, ("prompt", example.prompt), ("completion", example.completion)]
    texts.append(("rejected", example.rejected))
    for title, text in texts:
        if text:
            write_line(f"\n{title}\n{visible(text)}")


def _piped_in() -> BinaryIO:
    """Standard input. Raises AskedWrongly where nobody has piped anything into it."""
    if sys.stdin is None or sys.stdin.isatty():
        raise AskedWrongly("-: nothing is piped in.", "COMMAND | studio import -, or studio import - < FILE")
    return sys.stdin.buffer


def _may_replace(file: Path, force: bool) -> bool:
    """Whether ``file`` may be replaced where it exists: by --force, or because whoever is at the terminal says so.

    Raises what ``check_target`` does; typer.Exit, when the answer is no.
    """
    from studio.acts.exporting import FileExists, check_target

    try:
        check_target(file, may_replace=force)
    except FileExists:
        if not can_ask():
            raise
        if not ask(visible(f"{file} exists. Replace it?", single_line=True)):
            say("nothing was written")
            raise typer.Exit(1) from None
        return True
    return force


def _say_change(change: Change | None, done: str, nothing: str) -> None:
    from studio.reports.stepping import stepped

    say(visible(stepped(change, done) if change else nothing))


VERBS: tuple[Verb, ...] = (
    Verb("init", init),
    Verb("import", import_files),
    Verb("stats", stats),
    Verb("rows", rows),
    Verb("show", show),
    Verb("label", label),
    Verb("undo", undo),
    Verb("redo", redo),
    Verb("split", split),
    Verb("window", window),
    Verb("export", export_file),
)
