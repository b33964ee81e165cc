"""A project's own scorers: Python functions that ``studio.toml`` names, run in a process of the comparison.

The function takes an answer and its reference (and the prompt, if it has a third parameter) and gives a score from 0
to 1. It is code of the project folder and can do whatever you can: only what ``studio.toml`` names is run, only by a
comparison, and the plan of the comparison says so first.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from studio.errors import AskedWrongly, StudioError
from studio.scoring import own_process
from studio.scoring.scored_rows import ScoredRows
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Scorer

SECONDS_A_ROW = 10.0
SECONDS_TO_START = 60.0
MOST_FAULTS = 20  # rows on end that fail before the rest is not asked


@dataclass(frozen=True)
class OwnScorer:
    """The function ``function`` in the Python file ``path``, under a name of the project's."""

    name: str
    path: str
    function: str

    @property
    def text(self) -> str:
        """As a spec keeps it: ``politeness=/desk/my_scorers.py:politeness``."""
        return f"{self.name}={self.path}:{self.function}"

    @property
    def as_scorer(self) -> Scorer:
        """What tables and the verdict ask; its scores are worked out by ``own_scores`` alone."""
        about = f"{self.function} in {Path(self.path).name}, a function of this project."
        return Scorer(name=self.name, title=self.name, about=about, is_binary=False, score=None)


@dataclass(frozen=True)
class OwnScore:
    """What an own scorer said of one answer: a score from 0 to 1, or why there is none."""

    scorer: str
    arm: str
    example_id: int
    score: float | None
    error: str = ""


def own_scorers_in(entries: Mapping[str, str], folder: Path) -> list[OwnScorer]:
    """The scorers of ``[scorers]`` in a studio.toml, whose paths are from ``folder``.

    Raises AskedWrongly for an entry that names no function in a file, a missing file, or the name of another scorer.
    """
    found = []
    for name, place in entries.items():
        file, colon, function = place.rpartition(":")
        if not colon or not function.isidentifier() or not file.endswith(".py"):
            raise AskedWrongly(
                f"scorers.{name} is {place!r}.", f'A function in a Python file: {name} = "my_scorers.py:{name}".'
            )
        if name in {scorer.name for scorer in SCORERS}:
            raise AskedWrongly(f"scorers.{name}: the studio has a scorer of this name.", "Choose another name.")
        path = folder / file
        if not path.is_file():
            raise AskedWrongly(f"scorers.{name}: there is no file {path}.", "Paths are from the project folder.")
        found.append(OwnScorer(name, str(path.resolve()), function))
    return found


def own_scorer_from(text: str) -> OwnScorer:
    """The scorer that ``OwnScorer.text`` wrote. Raises ValueError."""
    name, _, place = text.partition("=")
    path, _, function = place.rpartition(":")
    return OwnScorer(name, path, function)


def own_scores(
    scorer: OwnScorer, scored: ScoredRows, on_scored: Callable[[int, int], None] | None = None
) -> list[OwnScore]:
    """The scorer's word on every answer. A row that fails or takes too long is said and passed over.

    After ``MOST_FAULTS`` on end it is not asked any more: each could take its whole time. Raises StudioError where the
    function cannot be had at all. ``on_scored`` is told after every answer and ends the work by raising.
    """
    places = [(arm, row) for row in scored.rows for arm in scored.arms]
    found: list[OwnScore] = []
    on_end = 0
    with _Asked(scorer) as asked:
        for arm, row in places:
            text = str(scored.predictions[arm][row.example_id]["text"])
            question = {"prediction": text, "reference": row.completion, "prompt": row.prompt}
            given: dict[str, Any] = {"error": _GIVEN_UP} if on_end >= MOST_FAULTS else asked.ask(question)
            score = given.get("score")
            on_end = 0 if score is not None else on_end + 1
            found.append(OwnScore(scorer.name, arm, row.example_id, score, str(given.get("error", ""))))
            if on_scored:
                on_scored(len(found), len(places))
    return found


def with_own_scores(scored: ScoredRows, scorers: Iterable[OwnScorer], scores: Iterable[OwnScore]) -> ScoredRows:
    """The rows with these scores among the others."""
    by_name: dict[str, dict[str, dict[int, float | None]]] = {}
    for one in scores:
        by_name.setdefault(one.scorer, {}).setdefault(one.arm, {})[one.example_id] = one.score
    for scorer in scorers:
        scored = scored.with_scores(scorer.as_scorer, by_name.get(scorer.name, {}))
    return scored


_GIVEN_UP = f"not asked: {MOST_FAULTS} answers on end had failed"


class _Asked:
    """The scorer's process, started anew where a question killed it."""

    def __init__(self, scorer: OwnScorer) -> None:
        self._scorer = scorer
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, question: Mapping[str, str]) -> dict[str, Any]:
        """``{"score": …}`` or ``{"error": …}``."""
        if self._process is None:
            self._start()
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return self._lost("its process ended")
        return self._answer(SECONDS_A_ROW)

    def _start(self) -> None:
        command = [sys.executable, own_process.__file__, self._scorer.path, self._scorer.function]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if error := self._answer(SECONDS_TO_START).get("error"):
            self._end()
            raise StudioError(
                f"the scorer {self._scorer.name} cannot be used: {error}.",
                f"It is {self._scorer.function} in {self._scorer.path}; [scorers] of studio.toml names it.",
            )

    def _answer(self, seconds: float) -> dict[str, Any]:
        """The next line, however it comes in pieces; an error where it does not come in time."""
        assert self._process is not None and self._process.stdout is not None
        end, line = time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not waiting.select(max(0.0, end - time.monotonic())):
                    return self._lost(f"no score within {seconds:.0f} s")
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    return self._lost("its process ended")
                line += piece
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _lost(self, why: str) -> dict[str, Any]:
        self._end()
        return {"error": why}

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def faults_of(scores: Sequence[OwnScore]) -> dict[str, list[str]]:
    """Per scorer, which answers it failed on and why: ``row 12 of tuned: ValueError: …``."""
    found: dict[str, list[str]] = {}
    for one in scores:
        if one.score is None:
            found.setdefault(one.scorer, []).append(f"row {one.example_id} of {one.arm}: {one.error}")
    return found
