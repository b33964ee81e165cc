"""Scoring the answers of a comparison: many at a time, said as it goes on, ended by a stop."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from studio.files import write_whole
from studio.runs.directory import FrozenRow
from studio.runs.events import Preparing, Warned
from studio.runs.specs import CompareSpec
from studio.scoring.comparison import Comparison
from studio.scoring.own_scorers import OwnScore, faults_of, own_scorer_from, own_scores, with_own_scores
from studio.scoring.primary import named_by
from studio.scoring.scored_rows import score_rows, usual_scorers
from studio.scoring.scorers import SCORERS
from studio.scoring.summary import summarize_scored
from studio.worker.session import Session

SAY_EVERY_SECONDS = 1.0
FAULTS_SAID = 5


class ScoringStopped(Exception):
    """A stop was asked for while answers were scored; they are scored anew by a resume."""


def scored_comparison(
    session: Session,
    spec: CompareSpec,
    rows: Sequence[FrozenRow],
    lines: Sequence[Mapping[str, Any]],
    tuned: Collection[str],
) -> Comparison:
    """What the answers show. Raises ScoringStopped, and StudioError where a scorer of the project cannot be used."""
    said = _Said(session)
    extras = [scorer for scorer in SCORERS if scorer.is_extra and scorer.name in spec.scorers]
    scored = score_rows(rows, lines, (*usual_scorers(), *extras), said.of("answers"))
    own = [own_scorer_from(text) for text in spec.own_scorers]
    scores: list[OwnScore] = []
    for scorer in own:
        scores += own_scores(scorer, scored, said.of(f"answers by {scorer.name}"))
    if own:
        scored = with_own_scores(scored, own, scores)
        _keep(session, scores)
    session.events.write(Preparing(message="working out intervals"))
    named = named_by(spec.primary)
    return summarize_scored(scored, tuned, named, faults_of(scores), is_forgetting=spec.is_forgetting)


def _keep(session: Session, scores: Sequence[OwnScore]) -> None:
    path = session.directory.own_scores_path
    write_whole(path, "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in scores))
    for name, faults in faults_of(scores).items():
        some = "; ".join(faults[:FAULTS_SAID])
        session.events.write(Warned(message=f"{name} gave no score to {len(faults)} of {len(scores)} answers: {some}"))


class _Said:
    """Says how far the scoring has come, at most once a second, and ends it when a stop is asked for."""

    def __init__(self, session: Session) -> None:
        self._session, self._last = session, time.monotonic()

    def of(self, noun: str) -> Any:
        def said(done: int, total: int) -> None:
            if self._session.is_stop_asked():
                raise ScoringStopped
            if time.monotonic() - self._last >= SAY_EVERY_SECONDS:
                self._last = time.monotonic()
                self._session.events.write(Preparing(message=f"scoring {noun}: {done:,} of {total:,}"))

        return said
