"""``studio version``: name the dataset as it is, see what differs between two of its versions, write one to a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from studio.cli.common import AsOf, Json, Verb, project_of, store_of, write_table
from studio.cli.printing import say, write_json, write_line
from studio.dataset.formats import listed, written_endings, written_shapes
from studio.reports.numbers import counted, number
from studio.reports.visible import visible

MOST_SHOWN = 20
Name = Annotated[str, typer.Argument(metavar="VERSION", help="Its name; studio version list has them all.")]


def version() -> None:
    """Name the dataset as it is now, and see later what has changed.

    A version never changes. It costs some bytes a row, for texts are given back by the edit log. Every run records the
    version of its rows, and makes one where there is none.
    """


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.", show_default="v1, v2, …")] = "",
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever lists them.")] = "",
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """Name the dataset as it is now, or as it was at a moment: then it can be shown, compared and exported."""
    from studio.acts.moments import moment_of
    from studio.reports.versions import version_as_json

    with store_of(project_of(ctx)) as store:
        made = store.create_version(name, note, moment_of(as_of) if as_of else None)
    if as_json:
        write_json(version_as_json(made))
    say(f"{made.name}: {counted(made.row_count, 'row')} · content {made.content_hash[:8]} · saved")


def list_versions(ctx: typer.Context, as_json: Json = False) -> None:
    """All versions, newest first."""
    from studio.reports.versions import version_as_json, versions_table

    with store_of(project_of(ctx)) as store:
        found = store.all_versions()
    if as_json:
        write_json([version_as_json(one) for one in reversed(found)])
    elif found:
        write_table(versions_table(found))
    else:
        say("no versions yet; studio version create makes one, and so does every run")


def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a version is, and what has changed since."""
    from studio.dataset.versions import NOW
    from studio.reports.versions import changes_in_words, diff_as_json, tasks_in_words, version_as_json, versions_table

    with store_of(project_of(ctx)) as store:
        found = store.version(name)
        since = store.version_diff(name, NOW)
    if as_json:
        write_json(version_as_json(found) | {"since": diff_as_json(since, [])})
        return
    write_table(versions_table([found]))
    tasks = tasks_in_words(since)
    write_line(f"since then {changes_in_words(since)}" + (f" ({tasks})" if tasks else ""))


def diff(
    ctx: typer.Context,
    before: Name,
    after: Annotated[str, typer.Argument(metavar="OTHER", help="Another version, or now.")] = "now",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="Show the texts of at most N rows of a kind.")
    ] = MOST_SHOWN,
    as_json: Json = False,
) -> None:
    """What differs between two versions: rows added, removed, edited by word, relabelled, moved between splits."""
    from studio.acts.versions import shown_diff
    from studio.reports.versions import diff_as_json, diff_lines

    with store_of(project_of(ctx)) as store:
        most = len(store.version_ids(before)) if as_json else limit
        found = shown_diff(store, before, after, most)
    edited = [(one.before, one.after) for one in found.edited]
    if as_json:
        write_json(diff_as_json(found.diff, edited))
        return
    for line in diff_lines(found.diff, found.added, found.removed, edited):
        write_line("".join(text for text, _ in line))


def export(
    ctx: typer.Context,
    name: Name,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=f"Ends in {written_endings()}. - writes JSONL to standard output.")
    ],
    shape: Annotated[
        str, typer.Option("--shape", metavar="SHAPE", help=f"How a row is written: {listed(written_shapes())}.")
    ] = "pair",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a version's rows as they were, with their labels and splits of then."""
    from studio.acts.exporting import STDOUT, check_target, export_examples, export_to_stream
    from studio.acts.versions import VersionRows

    if file != STDOUT:
        check_target(file, may_replace=force)
    with store_of(project_of(ctx)) as store:
        rows, ids = VersionRows(store, name), store.version_ids(name).tolist()
        if file == STDOUT:
            export_to_stream(rows, sys.stdout.buffer, ids, shape=shape)
        else:
            export_examples(rows, file, ids, may_replace=force, shape=shape)
    where = "standard output" if file == STDOUT else visible(str(file))
    say(f"wrote the {number(len(ids))} rows of {name} to {where}")


VERBS: tuple[Verb, ...] = (
    Verb(
        "version",
        version,
        children=(
            Verb("create", create),
            Verb("list", list_versions),
            Verb("show", show),
            Verb("diff", diff),
            Verb("export", export),
        ),
    ),
)
