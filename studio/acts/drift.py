"""How far the data has moved on since the newest fine-tune. Light: the first screen asks."""

from __future__ import annotations

from dataclasses import dataclass

from studio.dataset.store import Store
from studio.dataset.versions import NOW, VersionDiff
from studio.errors import AskedWrongly, StudioError
from studio.project import Project
from studio.runs.directory import RunDirectory, naming_of, runs_in
from studio.runs.specs import TrainSpec, read_spec


@dataclass(frozen=True)
class Drift:
    """How far the rows have moved on since the newest fine-tune; ``title`` is what it is called."""

    title: str
    diff: VersionDiff


def drift(project: Project, store: Store) -> Drift | None:
    """How far the rows have moved on since the newest fine-tune; None where they have not, or nobody knows."""
    try:
        directory = newest_train_run(project)
        version = store.version(version_of(store, directory))
    except StudioError:
        return None
    if version.upto == store.newest_change():
        return None
    diff = store.version_diff(version.name, NOW)
    return Drift(naming_of(directory).name or directory.run_id, diff) if diff.count else None


def newest_train_run(project: Project) -> RunDirectory:
    """The newest fine-tune. Raises AskedWrongly where there is none."""
    for directory in runs_in(project.runs_path):
        try:
            if isinstance(read_spec(directory), TrainSpec):
                return directory
        except StudioError:  # damaged: its own screen says why
            continue
    raise AskedWrongly("There is no fine-tune yet, so nothing has changed since.", "studio train starts one.")


def version_of(store: Store, directory: RunDirectory) -> str:
    """The version that a fine-tune was frozen from, which this store has.

    Raises AskedWrongly for another run, StudioError where it did not write that down.
    """
    spec = read_spec(directory)
    if not isinstance(spec, TrainSpec):
        raise AskedWrongly(f"{directory.run_id} is no fine-tune.", "Name a train run: studio runs lists them.")
    if spec.version not in [one.name for one in store.all_versions()]:
        raise StudioError(
            f"{directory.run_id} does not say which version of this dataset it learned from.",
            f"studio again {directory.run_id} --dry-run compares its rows with those there are now.",
        )
    return spec.version
