"""What a person calls a run and says of it: a small file in its directory, which its process never looks at.

The run id stays what paths and other runs refer to; a name is shown beside it and found like it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import read_json_object, write_whole, writing

MOST_NAME_CHARS = 60
MOST_NOTE_CHARS = 2_000


@dataclass(frozen=True)
class Naming:
    """``name`` on one line and ``note``; empty for none. Raises AskedWrongly for one that is too long to be shown."""

    name: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for what, text, most in (("name", self.name, MOST_NAME_CHARS), ("note", self.note, MOST_NOTE_CHARS)):
            if len(text) > most:
                raise AskedWrongly(f"The {what} has {len(text):,} characters; at most {most:,} are kept.")
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise AskedWrongly(f"The {what} is not UTF-8.")


def read_naming(path: Path) -> Naming:
    """What the file says; nothing where there is none. Raises StudioError where it is damaged, with the way out."""
    try:
        facts = read_json_object(path)
    except FileNotFoundError:
        return Naming()
    name, note = facts.get("name", ""), facts.get("note", "")
    try:
        if isinstance(name, str) and isinstance(note, str):
            return Naming(name, note)
    except AskedWrongly as error:
        raise StudioError(f"{path.name} is damaged: {error.message}") from error
    raise StudioError(f"{path.name} is damaged: name and note must be texts.")


def write_naming(path: Path, naming: Naming) -> None:
    """Write the file whole. Raises StudioError where the disk refuses."""
    with writing(path):
        write_whole(path, json.dumps(asdict(naming), ensure_ascii=False, indent=2) + "\n")
