"""Blind votes: which pair comes next, on which sides; what a vote does; and the votes as preference pairs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from studio.acts.comparing import load_comparison
from studio.acts.exporting import FileExists
from studio.errors import AskedWrongly
from studio.files import whole_file, writing
from studio.project import Project
from studio.reports.compare import CompareRow
from studio.runs.directory import FrozenRow, RunDirectory, find_run
from studio.runs.votes import CastVote, cast_vote, newest_of, read_votes, undo_vote
from studio.turns import turns_in

REPEAT_AFTER = 8  # a pair that was voted on comes again after so many others
LEAST_APART = 5  # and never one of the last so many, which a voter remembers


@dataclass(frozen=True)
class Ballot:
    """A row whose answers are judged, and which arm stands where."""

    row: CompareRow
    left: str
    right: str
    is_repeat: bool = False


class Booth:
    """One person's blind votes between two arms of a comparison, over ``rows``.

    Which pair comes next follows from the votes that stand and the run's id alone: whoever comes back goes on where
    they left. A row that both answer in the same words, or that one failed on, says nothing and is left out.
    """

    def __init__(self, directory: RunDirectory, rows: Iterable[CompareRow], arms: tuple[str, str], who: str) -> None:
        self._directory, self.arms, self.who = directory, arms, who
        given = list(rows)
        apart = [row for row in given if _is_judged(row, arms)]
        self.left_out = len(given) - len(apart)
        self._rows = {row.example_id: row for row in sorted(apart, key=lambda row: self._draw(row.example_id, "order"))}
        self._votes = read_votes(directory)

    @property
    def votes(self) -> list[CastVote]:
        """This person's votes between these two arms."""
        return [vote for vote in self._votes if vote.who == self.who and vote.arms == frozenset(self.arms)]

    @property
    def fresh(self) -> list[int]:
        """Rows that were not voted on, in the order in which they come."""
        voted = {vote.example_id for vote in self.votes}
        return [example_id for example_id in self._rows if example_id not in voted]

    def ballot(self) -> Ballot | None:
        """What is voted on next; None where no row is left."""
        again = self._due_again()
        if again is not None:
            return self._on_sides(self._rows[again], is_repeat=True)
        fresh = self.fresh
        return self._on_sides(self._rows[fresh[0]], is_repeat=False) if fresh else None

    def vote(self, ballot: Ballot, better: str) -> None:
        """Count it; on disk when this returns. Raises StudioError where the disk refuses."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        vote = CastVote(ballot.row.example_id, ballot.left, ballot.right, better, self.who, at, ballot.is_repeat)
        cast_vote(self._directory, vote)
        self._votes.append(vote)

    def undo(self) -> bool:
        """Take this person's newest vote of the comparison back; whether there was one."""
        if newest_of(self._votes, self.who) is None:
            return False
        undo_vote(self._directory, self.who)
        self._votes = read_votes(self._directory)
        return True

    def _due_again(self) -> int | None:
        firsts = [vote.example_id for vote in self.votes if not vote.is_repeat]
        repeated = {vote.example_id for vote in self.votes if vote.is_repeat}
        if len(firsts) < REPEAT_AFTER * (len(repeated) + 1):
            return None
        old = [one for one in firsts[:-LEAST_APART] if one not in repeated and one in self._rows]
        return min(old, key=lambda example_id: self._draw(example_id, "again"), default=None)

    def _on_sides(self, row: CompareRow, *, is_repeat: bool) -> Ballot:
        first, second = self.arms
        if self._draw(row.example_id, f"sides {is_repeat}")[0] % 2:
            first, second = second, first
        return Ballot(row, first, second, is_repeat)

    def _draw(self, example_id: int, what: str) -> bytes:
        """Chance that is the same each time it is asked."""
        pair = "|".join(sorted(self.arms))
        return hashlib.sha256(f"{self._directory.run_id}|{pair}|{example_id}|{what}|{self.who}".encode()).digest()


@dataclass(frozen=True)
class Preferences:
    """Votes as preference pairs: ``pairs`` are written, ``ties`` and ``repeats`` are not, nor votes on lost answers."""

    pairs: list[dict[str, Any]]
    ties: int
    repeats: int
    lost: int


def votes_of(project: Project, run_id: str) -> tuple[RunDirectory, list[CastVote]]:
    """The votes of a comparison that stand. Raises AskedWrongly for a run that is none."""
    comparison = load_comparison(project, run_id)
    directory = find_run(project.runs_path, comparison.run_id)
    return directory, read_votes(directory)


def preferences(project: Project, run_id: str) -> Preferences:
    """The votes of a comparison as pairs of prompt, chosen and rejected.

    Plain texts, as preference trainers read them; where a row has a system message or earlier turns all are lists of
    messages, which is how they take them along.
    """
    comparison = load_comparison(project, run_id)
    votes = read_votes(find_run(project.runs_path, comparison.run_id))
    rows = {row.example_id: row for row in comparison.rows}
    texts = {(str(one["arm"]), one["example_id"]): str(one["text"]) for one in comparison.predictions}
    decided = [vote for vote in votes if vote.winner and not vote.is_repeat]
    known = [vote for vote in decided if vote.example_id in rows and _answers(vote, texts)]
    is_chat = any(rows[vote.example_id].system or rows[vote.example_id].context for vote in known)
    pairs = [_pair(rows[vote.example_id], *_answers(vote, texts), is_chat=is_chat) for vote in known]
    ties = sum(not vote.winner and not vote.is_repeat for vote in votes)
    return Preferences(pairs, ties, sum(vote.is_repeat for vote in votes), len(decided) - len(known))


def export_preferences(found: Preferences, path: Path, *, may_replace: bool = False) -> None:
    """Write the pairs as JSON lines, whole or not at all. Raises FileExists, AskedWrongly, StudioError."""
    if path.is_dir():
        raise AskedWrongly(f"{path}: a folder.", "Name a file; it is made when missing.")
    if path.exists() and not may_replace:
        raise FileExists(f"{path}: exists; nothing was written.", "--force replaces it.")
    with writing(path), whole_file(path) as file:
        for pair in found.pairs:
            file.write(json.dumps(pair, ensure_ascii=False) + "\n")


def _is_judged(row: CompareRow, arms: tuple[str, str]) -> bool:
    one, other = (row.answers[arm] for arm in arms)
    return one.split() != other.split() and not any(row.has_failed(arm) for arm in arms)


def _answers(vote: CastVote, texts: dict[tuple[str, int], str]) -> Sequence[str]:
    """The chosen and the rejected answer; none where one is not there any more."""
    rejected = vote.right if vote.winner == vote.left else vote.left
    keys = [(vote.winner, vote.example_id), (rejected, vote.example_id)]
    return [texts[key] for key in keys] if all(key in texts for key in keys) else []


def _pair(row: FrozenRow, chosen: str, rejected: str, *, is_chat: bool) -> dict[str, Any]:
    if not is_chat:
        return {"prompt": row.prompt, "chosen": chosen, "rejected": rejected}
    system = [{"role": "system", "content": row.system}] if row.system else []
    answers = {
        name: [{"role": "assistant", "content": text}]
        for name, text in zip(("chosen", "rejected"), (chosen, rejected), strict=True)
    }
    turns = [{"role": turn.role, "content": turn.text} for turn in turns_in(row.context)]
    return {"prompt": [*system, *turns, {"role": "user", "content": row.prompt}], **answers}
