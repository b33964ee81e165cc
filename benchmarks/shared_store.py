"""One store for several processes: a label, a page and a row at the owner and at a client, and how long a take-over is.

    python benchmarks/shared_store.py [--rows 7473] [--acts 1000] [--takeovers 10]

The owner is a process of its own while clients are measured, so that both sides have a processor. Milliseconds, p50 and
p95. A take-over is the time from SIGKILL of the owner to the answer of the next label that somebody asks for.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.sharing.opening import open_store

OWNS = """
import sys
from pathlib import Path
from studio.sharing.opening import open_store
with open_store(Path(sys.argv[1]), "owner"):
    print("open", flush=True)
    sys.stdin.read()
"""


def owner_of(path: Path) -> subprocess.Popen[str]:
    """A process that has the file, and waits."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def times_of(act: Callable[[int], object], times: int) -> str:
    """Milliseconds of so many calls."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        act(number)
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    return f"p50 {taken[len(taken) // 2]:.2f} ms, p95 {taken[int(len(taken) * 0.95)]:.2f} ms"


def measured(store: Store, who: str, rows: int, acts: int) -> None:
    """Three things that a key waits for."""
    label = ("accept", "reject")
    print(f"{who}: one label   {times_of(lambda n: store.set_label([n % rows + 1], label[n // rows % 2]), acts)}")
    print(f"{who}: a page      {times_of(lambda n: store.previews(range(n % rows + 1, n % rows + 41)), acts // 4)}")
    print(f"{who}: a whole row {times_of(lambda n: store.examples([n % rows + 1]), acts // 4)}")


def taken_over(path: Path) -> float:
    """Seconds from the owner's death to an acknowledged label of one who had the store open."""
    owner = owner_of(path)
    with open_store(path, "bo") as store:
        store.stats()
        os.kill(owner.pid, signal.SIGKILL)
        started = time.perf_counter()
        store.set_label([1], "skip")
        seconds = time.perf_counter() - started
        store.set_label([1], "none")
    owner.communicate()
    return seconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=7_473)
    options.add_argument("--acts", type=int, default=1_000)
    options.add_argument("--takeovers", type=int, default=10)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "studio.duckdb"
        with open_store(path, "owner") as store:
            text = "Natalia sold clips to 48 of her friends in April, and then she sold half as many in May. " * 3
            store.add([Candidate(f"{text} {number}", f"{number}", task="gsm8k") for number in range(asked.rows)], "")
            measured(store, "owner ", asked.rows, asked.acts)
        owner = owner_of(path)
        with open_store(path, "bo") as store:
            measured(store, "client", asked.rows, asked.acts)
        owner.communicate("")
        seconds = sorted(taken_over(path) for _ in range(asked.takeovers))
        print(f"take-over: p50 {seconds[len(seconds) // 2]:.2f} s, longest {seconds[-1]:.2f} s")


if __name__ == "__main__":
    main()
