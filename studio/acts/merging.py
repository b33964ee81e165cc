"""A run as a standalone model: a folder that any program loads, with a card, written whole once it is verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.acts.answering import TunedRun, train_run, tuned_answering
from studio.acts.exporting import FileExists
from studio.acts.past import past_comparisons
from studio.acts.reporting import provenance_of
from studio.errors import AskedWrongly, StudioError
from studio.files import make_private_folder, whole_folder, write_whole, writing
from studio.interpreter import OnPart, carried_out
from studio.project import Project
from studio.reports.model_card import model_card
from studio.runs.arms.answering import Answering
from studio.runs.directory import read_rows
from studio.runs.leaving import Verified, answering_facts, is_within, refuse_to_merge, rows_to_look_at
from studio.runs.watch import RunWatch

CARD = "README.md"
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Merging:
    """A run, or its checkpoint of ``step`` where that is not 0, that can be merged into ``folder``."""

    run: TunedRun
    answering: Answering
    folder: Path
    dtype: str
    step: int
    may_replace: bool


def plan_merge(
    project: Project, run: str, folder: Path, *, step: int = 0, dtype: str = "float32", may_replace: bool = False
) -> Merging:
    """Raises StudioError for what cannot be merged, FileExists for a folder that may not be replaced."""
    tuned = train_run(project, run)
    refuse_to_merge(tuned.spec.how, dtype)
    answering = tuned_answering(Answering(tuned.spec.model_path, tuned.spec.is_trusted), tuned, step)
    for kept, what in ((Path(answering.model_path), "the base model"), (tuned.directory.path, "the run itself")):
        if is_within(kept, folder) or is_within(folder, kept):
            raise AskedWrongly(f"{what} is there: {folder}.", "Name a folder of its own.")
    check_folder(folder, may_replace=may_replace)
    return Merging(tuned, answering, folder, dtype, step, may_replace)


def check_folder(folder: Path, *, may_replace: bool) -> None:
    """Raises FileExists for one that is there and may not be replaced, AskedWrongly for one that is no model's."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / "config.json").is_file():
        raise AskedWrongly(f"no model folder: {folder}.", "Name a new folder.")
    if not may_replace:
        raise FileExists(f"{folder}: exists; nothing was written.", "--force replaces it.")


def merge(
    project: Project, plan: Merging, on_part: OnPart, is_cancelled: Callable[[], bool] = lambda: False
) -> Verified | None:
    """Write the model; None when cancelled, and nothing was written then. Minutes for a large one: call it in a thread.

    Raises StudioError where it does not answer as the run does.
    """
    request = {
        "answering": answering_facts(plan.answering),
        "dtype": plan.dtype,
        "rows": [asdict(row) for row in rows_to_look_at(plan.run.directory)],
    }
    if not request["rows"]:
        raise StudioError(f"{plan.run.directory.run_id} has kept no rows, so nothing could be verified.")
    with writing(plan.folder):
        make_private_folder(plan.folder.absolute().parent, exist_ok=True)
    try:
        with whole_folder(plan.folder.absolute()) as part:
            answer = carried_out("studio.worker.merging", {**request, "folder": str(part)}, on_part, is_cancelled)
            if answer is None:
                raise _Cancelled
            found = Verified(**answer)
            write_whole(part / CARD, _card(project, plan, found))
            check_folder(plan.folder, may_replace=plan.may_replace)  # it took a while
    except _Cancelled:
        return None
    return found


class _Cancelled(StudioError):
    def __init__(self) -> None:
        super().__init__("cancelled")


def _card(project: Project, plan: Merging, found: Verified) -> str:
    directory, run_id = plan.run.directory, plan.run.directory.run_id
    comparisons = [one for one in past_comparisons(project) if one.tuned_run == run_id]
    return model_card(
        state=RunWatch(directory).poll(),
        spec=plan.run.spec,
        provenance=provenance_of(directory, {}),
        rows={split: read_rows(directory.rows_path(split)) for split in SPLITS},
        comparisons=comparisons,
        found=found,
        step=plan.step,
    )
