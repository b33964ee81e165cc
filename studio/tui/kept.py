"""What a person chose with keys and finds again: theme, layout and columns, in the project's ``screens.json``.

``studio.toml`` is the person's own and is never rewritten; a choice made with a key is newer than what it says.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.files import read_json_object, write_whole, writing

KeptColumns = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Kept:
    """``theme`` empty: as ``studio.toml`` has it. ``is_beside`` None: as the width suggests.

    ``columns`` are those of Data that are shown, in their order, each with its width in cells (0: its own); none: as
    at first.
    """

    theme: str = ""
    is_beside: bool | None = None
    columns: KeptColumns = ()


def read_kept(path: Path) -> tuple[Kept, str]:
    """What is kept in the file, and a sentence where it is damaged: then nothing is kept."""
    try:
        facts = read_json_object(path)
    except FileNotFoundError:
        return Kept(), ""
    except StudioError as error:
        return Kept(), f"{error.message} Theme, layout and columns are as at first."
    theme, is_beside, columns = facts.get("theme", ""), facts.get("is_beside"), facts.get("columns", [])
    is_whole = isinstance(theme, str) and (is_beside is None or isinstance(is_beside, bool)) and _are_columns(columns)
    if not is_whole:
        return Kept(), f"{path.name} holds no theme, layout and columns: they are as at first."
    return Kept(theme, is_beside, tuple((name, cells) for name, cells in columns)), ""


def keep(path: Path, kept: Kept) -> None:
    """Write it whole. Raises StudioError where the folder cannot be written."""
    with writing(path, "The choice holds until the studio is left."):
        write_whole(path, json.dumps(asdict(kept), indent=1) + "\n")


def _are_columns(value: Any) -> bool:
    """Whether it is a list of pairs: a name, and a width of 0 cells or more."""
    return isinstance(value, list) and all(
        isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and type(one[1]) is int and one[1] >= 0
        for one in value
    )
