"""What was typed into the one-line prompts, kept with the project: ↑ brings it back, in the next session too."""

from __future__ import annotations

import json
from pathlib import Path

from studio.errors import StudioError
from studio.files import read_json_object, write_whole

KEPT_LINES = 100
KEPT_CHARS = 2_000  # a longer line is not worth a file that is read at every start
KINDS = ("filter", "search", "command")


class LineHistory:
    """Lines by kind, oldest first. A file that cannot be read is an empty history; one that cannot be written, none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, list[str]] | None = None  # read when first asked for

    def lines(self, kind: str) -> list[str]:
        if self._lines is None:
            self._lines = _read(self._path)
        return self._lines.setdefault(kind, [])

    def add(self, kind: str, line: str) -> None:
        """Keep ``line`` as the newest of its kind; the same again is one line."""
        if kind not in KINDS or not line.strip() or len(line) > KEPT_CHARS:
            return
        lines = self.lines(kind)
        lines[:] = [*(one for one in lines if one != line), line][-KEPT_LINES:]
        try:
            write_whole(self._path, json.dumps(self._lines, ensure_ascii=False, indent=0) + "\n")
        except (OSError, UnicodeError):  # a full disk, half a surrogate pair: the lines live as long as the studio does
            return


def _read(path: Path) -> dict[str, list[str]]:
    try:
        found = read_json_object(path)
    except (FileNotFoundError, StudioError):
        return {}
    kept = {kind: found[kind] for kind in KINDS if isinstance(found.get(kind), list)}
    return {kind: [one for one in lines if isinstance(one, str)][-KEPT_LINES:] for kind, lines in kept.items()}
