"""A written report of a run: one file that says what came of it and all that decides its figures."""

from __future__ import annotations

import hashlib
import platform
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import studio
from studio.acts.comparing import load_comparison
from studio.acts.exporting import FileExists
from studio.acts.looking_back import LOSS_SPLITS
from studio.errors import AskedWrongly, StudioError
from studio.files import JsonObject, open_regular, read_json_object, write_whole, writing
from studio.project import Project
from studio.reports.compare import compare_view
from studio.reports.computed import computed_facts, computed_versions
from studio.reports.document import FORMATS, endings
from studio.reports.document.blocks import Document
from studio.reports.document.comparison import Provenance, comparison_document
from studio.reports.document.form import Format
from studio.reports.document.training import HARDEST, training_document
from studio.runs.directory import RunDirectory, find_run, naming_of, read_rows
from studio.runs.row_losses import read_row_losses, worst_first
from studio.runs.specs import TrainSpec, read_spec
from studio.runs.votes import read_votes
from studio.runs.watch import RunWatch, scores_in

HASHED = ("spec.json", "arms.json", "train.jsonl", "validation.jsonl", "test.jsonl", "predictions.jsonl")
_BLOCK = 1 << 20


def format_of(path: Path) -> Format:
    """The format that the file's ending names. Raises AskedWrongly for an unknown one."""
    for form in FORMATS:
        if path.suffix.lower() in form.endings:
            return form
    raise AskedWrongly(f"{path}: unknown ending {path.suffix!r}.", f"Use {endings()}.")


def report_of(project: Project, run: str) -> Document:
    """The report of a comparison or a fine-tune. Seconds where there are thousands of answers: call it in a thread.

    Raises StudioError where the run's files are damaged, or nothing was answered yet.
    """
    directory = find_run(project.runs_path, run)
    spec = read_spec(directory)
    if isinstance(spec, TrainSpec):
        state = RunWatch(directory).poll()
        hardest = worst_first(read_row_losses(directory))[:HARDEST]
        wanted = {(row.split, row.example_id) for row in hardest}
        rows = {
            (split, row.example_id): row
            for split in LOSS_SPLITS
            for row in read_rows(directory.rows_path(split))
            if (split, row.example_id) in wanted
        }
        return training_document(state, spec, provenance_of(directory, {}), hardest, rows)
    comparison = load_comparison(project, directory.run_id)
    view = compare_view(comparison.rows, comparison.predictions, comparison.scores, comparison.own_scores)
    if not view.comparison.rows:
        raise StudioError(f"{directory.run_id} has no answers of every arm yet.", f"studio watch {directory.run_id}")
    provenance = provenance_of(directory, scores_in(directory) or {})
    votes = read_votes(directory)
    return comparison_document(view, comparison.spec, provenance, comparison.context_window, votes)


def check_target(path: Path, *, may_replace: bool) -> None:
    """Raises AskedWrongly for what is no file or has an unknown ending, FileExists for one that may not be replaced."""
    format_of(path)
    if path.exists() and not path.is_file():
        raise AskedWrongly(f"{path}: no file.", "Name a file; it is made when missing.")
    if path.exists() and not may_replace:
        raise FileExists(f"{path}: exists; nothing was written.", "--force replaces it.")


def write_report(document: Document, path: Path, *, may_replace: bool = False) -> None:
    """Write it whole or not at all, in the format of its ending. Raises as ``check_target``, StudioError otherwise."""
    check_target(path, may_replace=may_replace)
    with writing(path):
        write_whole(path, format_of(path).write(document))


def provenance_of(directory: RunDirectory, scores: JsonObject) -> Provenance:
    """Names, times, hashes and versions that decide a run's figures; ``scores`` is what its scores.json holds."""
    began: JsonObject = {}
    with suppress(FileNotFoundError, StudioError):  # only a train run notes it, and a newer one
        began = read_json_object(directory.fingerprint_path)
    versions = {"studio": studio.__version__, "python": platform.python_version()}
    packages = began.get("packages")
    versions |= {name: str(version) for name, version in packages.items()} if isinstance(packages, dict) else {}
    versions |= computed_versions(scores)
    hashes = {name: digest for name in HASHED if (digest := _sha256(directory.path / name))}
    hashes |= {
        f"the model's {name}": str(began[name]) for name in ("weights", "tokenizer", "template") if name in began
    }
    return Provenance(
        run_id=directory.run_id,
        title=naming_of(directory).name or directory.run_id,
        made_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        started_at=datetime.fromtimestamp(directory.changed_at).astimezone().isoformat(timespec="seconds"),
        hashes=hashes,
        versions=versions,
        machine=dict(computed_facts(scores)),
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()
