"""Measure the checks and near duplicates: over a whole store, again after one edit, and how that grows with the rows.

    python benchmarks/checks_speed.py                       # 10,000, 100,000 and 1,000,000 rows
    python benchmarks/checks_speed.py --rows 100000 --each  # which checks take the time
    python benchmarks/checks_speed.py --file gsm8k.jsonl    # rows of a file, repeated with a number behind the prompt

Rows are as long as those of GSM8K (about 530 characters). The store is made anew in a temporary folder for each size.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check, DatasetCheck
from studio.dataset.checks.rows import Around
from studio.dataset.store import Store

WORDS = (
    *("customer", "order", "parcel", "lamp", "printer", "phone", "not", "arrived", "yesterday", "like", "know", "when"),
    *("because", "daughter", "waits", "since", "Monday", "please", "tell", "what", "can", "about", "now", "send", "it"),
    *("we", "would", "our", "for", "the", "a", "was", "and", "to", "me", "I", "do", "this", "or", "again", "in", "of"),
)
CHUNK = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--file", type=Path, help="JSONL with prompt/completion or question/answer")
    parser.add_argument("--each", action="store_true", help="time every check by itself")
    arguments = parser.parse_args()
    titles = ("checks", "again", "an edit", "its row", "near", "an edit")
    print(f"{'rows':>10} " + " ".join(f"{title:>8}" for title in titles) + "   memory")
    for count in arguments.rows:
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "studio.duckdb", "anna") as store:
            pairs = rows_of(arguments.file, count) if arguments.file else made_up(count)
            fill(store, pairs)
            measure(store, count, each=arguments.each)


def fill(store: Store, pairs: Iterator[Candidate]) -> None:
    chunk: list[Candidate] = []
    for pair in pairs:
        chunk.append(pair)
        if len(chunk) == CHUNK:
            store.add(chunk, "rows.jsonl")
            chunk = []
    if chunk:
        store.add(chunk, "rows.jsonl")


def made_up(count: int) -> Iterator[Candidate]:
    chance = random.Random(0)
    for number in range(count):
        prompt, completion = (" ".join(chance.choices(WORDS, k=length)) for length in (45, 55))
        yield Candidate(f"{prompt} {number}?", f"{completion} {number}.", split=chance.choice(("train", "test")))


def rows_of(path: Path, count: int) -> Iterator[Candidate]:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for number in range(count):
        record = records[number % len(records)]
        prompt = record.get("prompt") or record["question"]
        yield Candidate(f"{prompt} {number}", record.get("completion") or record["answer"])


def measure(store: Store, count: int, *, each: bool) -> None:
    checks = [check for check in CHECKS if not check.needs]  # those that are cheap
    around = Around(max_length=512)
    if each:
        taken = {check.name: seconds(partial(store.finding, check, around=around)) for check in checks}
        for name, time_taken in sorted(taken.items(), key=lambda pair: -pair[1]):
            print(f"  {name:<28} {time_taken:8.2f} s", flush=True)
    whole = seconds(lambda: store.check(checks, around))
    again = seconds(lambda: store.check(checks, around))
    store.set_text(count // 2, completion="Another answer, which breaks off in the middle and")
    edit = seconds(lambda: store.check(checks, around))
    quick: list[Check] = [check for check in checks if not isinstance(check, DatasetCheck)]
    store.set_text(count // 2, completion="Yet another answer to it.")
    row = seconds(lambda: store.check(quick, around))
    near = seconds(store.find_near)
    store.set_text(count // 3, prompt="What about it, then?")
    near_edit = seconds(store.find_near)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    times = " ".join(f"{one:6.2f} s" for one in (whole, again, edit, row, near, near_edit))
    print(f"{count:>10,} {times} {peak:6.0f} MB", flush=True)


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
