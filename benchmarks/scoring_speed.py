"""Seconds to score many predictions by every text metric, with intervals and verdict.

    python benchmarks/scoring_speed.py [--predictions 100000]

100,000 predictions are two arms on 50,000 rows of answers of some 40 words, a third of them wrong in some words. The
claim is 60 seconds or less on two cores; ``--predictions`` takes fewer.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import Any

from studio.runs.directory import FrozenRow
from studio.scoring.scored_rows import score_rows
from studio.scoring.summary import summarize_scored

SENTENCE = (
    "customer order refund parcel lamp printer arrived broken yesterday please send back money account password reset "
    "delivery address changed invoice missing because never came to the door and nobody answered phone was told that it"
)
WORDS = SENTENCE.split()
CLAIMED_SECONDS = 60.0


def rows_and_predictions(predictions: int) -> tuple[list[FrozenRow], list[dict[str, Any]]]:
    """Rows with references of 30 to 50 words and two arms' answers to them; the same ones each time."""
    chance = random.Random(0)
    rows = [
        FrozenRow(at, f"task {at % 3}", "question", " ".join(chance.choices(WORDS, k=chance.randint(30, 50))) + ".")
        for at in range(predictions // 2)
    ]
    said = []
    for row in rows:
        for arm in ("few_shot:5", "tuned"):
            words = row.completion.split()
            for _ in range(chance.choice((0, 2, 6))):
                words[chance.randrange(len(words))] = chance.choice(WORDS)
            facts = {"tokens": 50, "latency_seconds": None, "prompt_tokens": 80, "is_cut": False}
            said.append({"arm": arm, "example_id": row.example_id, "text": " ".join(words), **facts})
    return rows, said


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--predictions", type=int, default=100_000)
    rows, said = rows_and_predictions(asked.parse_args().predictions)
    started = time.perf_counter()
    scored = score_rows(
        rows, said, on_scored=lambda done, total: print(f"\r{done:,} of {total:,}", end="", file=sys.stderr)
    )
    scoring = time.perf_counter() - started
    comparison = summarize_scored(scored)
    seconds = time.perf_counter() - started
    print(f"\r{len(said):,} predictions: scored in {scoring:.1f} s, with intervals in {seconds:.1f} s")
    for_all = seconds * 100_000 / len(said)
    print(f"claimed: {CLAIMED_SECONDS:.0f} s for 100,000 on two cores; this is {for_all:.0f} s for them")
    print(comparison.verdict)


if __name__ == "__main__":
    main()
