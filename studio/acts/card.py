"""The dataset card of a project: made, and written where nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

from studio.acts.checking import kept_checks
from studio.acts.exporting import FileExists
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.files import why_not, write_whole
from studio.project import Project
from studio.reports.card import card_text


def card_of(project: Project, store: Store, licence: str = "") -> str:
    """The card as Markdown. What checks found is what they found when they ran last."""
    return card_text(project.name, store.facts(), kept_checks(project, store), licence)


def write_card(path: Path, text: str, *, may_replace: bool = False) -> None:
    """Raises FileExists for a file that may not be replaced, StudioError where it cannot be written."""
    if path.exists() and not may_replace:
        raise FileExists(f"{path}: exists; nothing was written.", "--force replaces it.")
    try:
        write_whole(path, text)
    except OSError as error:
        raise StudioError(f"{path}: cannot be written: {why_not(error)}.") from error
