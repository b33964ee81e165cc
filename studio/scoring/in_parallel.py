"""Many answers scored by several processes; few by this one, since a process takes longer to start than they do."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice

from studio.scoring.one_answer import AnswerScores, Settings, score_answer
from studio.scoring.scorers import SCORERS
from studio.scoring.scorers.scorer import Answer, Scorer

FEWEST_FOR_PROCESSES = 10_000
CHUNK = 500

Work = tuple[Answer, Settings]
OnScored = Callable[[int, int], None]  # (answers scored, answers there are); may raise to end the work


def scored_in_parallel(
    work: Iterable[Work], total: int, scorers: Sequence[Scorer], on_scored: OnScored | None
) -> Iterator[AnswerScores]:
    """The scores of each answer in its order; ``on_scored`` is told after every chunk and ends the work by raising.

    Scorers that are not among ``SCORERS`` are known to this process alone, so that all is scored here.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    is_small = total < FEWEST_FOR_PROCESSES or cores == 1 or any(scorer not in SCORERS for scorer in scorers)
    remaining = iter(work)
    chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
    names = [scorer.name for scorer in scorers]
    done = 0
    for scored in (_score(chunk, scorers) for chunk in chunks) if is_small else _by_processes(chunks, names, cores):
        yield from scored
        done += len(scored)
        if on_scored:
            on_scored(done, total)


def _by_processes(chunks: Iterator[list[Work]], names: list[str], processes: int) -> Iterator[list[AnswerScores]]:
    # Fresh interpreters: a fork of a process that has threads, as torch's, may wait for ever.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[list[AnswerScores]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_score_by_name, chunk, names))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _score_by_name(chunk: list[Work], names: list[str]) -> list[AnswerScores]:
    by_name = {scorer.name: scorer for scorer in SCORERS}
    return _score(chunk, [by_name[name] for name in names])


def _score(chunk: list[Work], scorers: Sequence[Scorer]) -> list[AnswerScores]:
    return [score_answer(answer, settings, scorers) for answer, settings in chunk]
