"""Giving a run a name and a note. Its id stays, so that nothing that refers to it is moved."""

from __future__ import annotations

from dataclasses import replace

from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, find_run, naming_of, runs_in
from studio.runs.naming import Naming, read_naming, write_naming


def rename_run(project: Project, run: str, name: str) -> RunDirectory:
    """Call the run ``name``, on one line; an empty name takes its name away.

    Raises AskedWrongly for a name or an id that another run has, for then neither could be found by it.
    """
    directory = find_run(project.runs_path, run)
    name = " ".join(name.split())
    for other in runs_in(project.runs_path) if name else ():
        if name == other.run_id or (other != directory and name == naming_of(other).name):
            raise AskedWrongly(f"{name!r} is what {other.run_id} is called.", "Choose another name.")
    write_naming(directory.naming_path, replace(_naming_to_change(directory), name=name))
    return directory


def note_run(project: Project, run: str, note: str) -> RunDirectory:
    """Keep ``note`` with the run in place of the one before; an empty one takes it away."""
    directory = find_run(project.runs_path, run)
    write_naming(directory.naming_path, replace(_naming_to_change(directory), note=note.strip()))
    return directory


def _naming_to_change(directory: RunDirectory) -> Naming:
    """Raises StudioError where what is there is damaged, lest the other half be lost without a word."""
    try:
        return read_naming(directory.naming_path)
    except StudioError as error:
        raise StudioError(f"{directory.run_id}: {error.message}", f"Delete {directory.naming_path}") from error
