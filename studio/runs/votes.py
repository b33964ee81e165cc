"""A person's blind votes on the answers of a comparison: a line of ``votes.jsonl`` each, and one for each taken back.

The file is the studio's own, and only ever appended to: a vote is on disk before the next pair is shown, and taking one
back loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from studio.errors import StudioError
from studio.files import JsonLinesWriter, JsonObject, scan_json_lines, why_not, writing
from studio.runs.directory import RunDirectory

LEFT, RIGHT, TIE = OUTCOMES = ("left", "right", "tie")
_UNDONE = "undone_by"


@dataclass(frozen=True)
class CastVote:
    """``better`` is one of ``OUTCOMES``; ``left`` and ``right`` are the arms as they stood. ``at`` is in UTC, ISO 8601.

    ``is_repeat``: the same pair was voted on before by ``who``, and was asked again without saying so.
    """

    example_id: int
    left: str
    right: str
    better: str
    who: str
    at: str
    is_repeat: bool = False

    @property
    def winner(self) -> str:
        """The better arm; empty for a tie."""
        return {LEFT: self.left, RIGHT: self.right}.get(self.better, "")

    @property
    def arms(self) -> frozenset[str]:
        return frozenset((self.left, self.right))


def read_votes(directory: RunDirectory) -> list[CastVote]:
    """The votes that stand, oldest first; none where no file is. Raises StudioError for a damaged file."""
    path = directory.votes_path
    try:
        items, _ = scan_json_lines(path)
    except OSError as error:
        raise StudioError(f"{path.name} cannot be read: {why_not(error)}.") from error
    votes: list[CastVote] = []
    for number, item in enumerate(items, start=1):
        if isinstance(item, dict) and isinstance(item.get(_UNDONE), str):
            _take_back(votes, item[_UNDONE])
        elif isinstance(item, dict) and _is_vote(item):
            votes.append(CastVote(**{name: item[name] for name in _TYPES}))
        else:
            why = item if isinstance(item, str) else f"vote {number} lacks what a vote says"
            raise StudioError(f"{path.name} is damaged: {why}.", "Delete that line; the other votes stand.")
    return votes


def cast_vote(directory: RunDirectory, vote: CastVote) -> None:
    """Put a vote behind the others, on disk when this returns. Raises StudioError where the disk refuses."""
    _append(directory, asdict(vote))


def undo_vote(directory: RunDirectory, who: str) -> None:
    """Take back the newest vote of ``who`` that stands. Raises StudioError where the disk refuses."""
    _append(directory, {_UNDONE: who})


def newest_of(votes: Sequence[CastVote], who: str) -> CastVote | None:
    """The vote that ``undo_vote`` would take back."""
    return next((vote for vote in reversed(votes) if vote.who == who), None)


def _append(directory: RunDirectory, facts: JsonObject) -> None:
    with writing(directory.votes_path, "The vote was not counted."):
        writer = JsonLinesWriter(directory.votes_path)
        try:
            writer.write(facts)
        finally:
            writer.close()


def _take_back(votes: list[CastVote], who: str) -> None:
    if (newest := newest_of(votes, who)) is not None:
        votes.remove(newest)


_TYPES = {"example_id": int, "left": str, "right": str, "better": str, "who": str, "at": str, "is_repeat": bool}


def _is_vote(item: dict[str, Any]) -> bool:
    has_all = all(type(item.get(name)) is wanted for name, wanted in _TYPES.items())
    return has_all and item["better"] in OUTCOMES and item["left"] != item["right"]
