"""What a person chose with keys and finds again: theme and layout, in the project folder's ``screens.json``.

``studio.toml`` is the person's own and is never rewritten; a choice made with a key is newer than what it says.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.files import write_whole

NAME = "screens.json"


@dataclass(frozen=True)
class Kept:
    """``theme`` empty: as ``studio.toml`` has it. ``is_beside`` None: as the width suggests."""

    theme: str = ""
    is_beside: bool | None = None


def read_kept(folder: Path) -> tuple[Kept, str]:
    """What is kept in ``folder``, and a sentence where the file is damaged: then nothing is kept."""
    path = folder / NAME
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        theme, is_beside = facts.get("theme", ""), facts.get("is_beside")
    except FileNotFoundError:
        return Kept(), ""
    except (OSError, ValueError, AttributeError, RecursionError):
        return Kept(), f"{NAME} cannot be read: theme and layout are as at first"
    if not isinstance(theme, str) or not (is_beside is None or isinstance(is_beside, bool)):
        return Kept(), f"{NAME} holds no theme and layout: they are as at first"
    return Kept(theme, is_beside), ""


def keep(folder: Path, kept: Kept) -> None:
    """Write it whole. Raises StudioError where the folder cannot be written."""
    try:
        write_whole(folder / NAME, json.dumps(asdict(kept), indent=1) + "\n")
    except OSError as error:
        raise StudioError(f"{folder / NAME}: the choice is not kept: {error.strerror}.") from error
