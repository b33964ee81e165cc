"""Several pairs of hands on one store; whoever has the file is killed, again and again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.sharing.lock import holder_of
from studio.sharing.opening import LOCK_NAME
from tests.sharing.many_hands import ROWS_EACH, replayed

MODULE = "tests.sharing.many_hands"


def hands_work_while_owners_are_killed(folder: Path, hands: int, acts: int, kills: int, seed: int) -> None:
    """Every act is whole or not there, and what was acknowledged is there; a hand that finds otherwise says so."""
    path, chance = folder / "studio.duckdb", random.Random(seed)
    with Store.open(path, "root") as store:
        store.add([Candidate(f"row {number}", "c") for number in range(hands * ROWS_EACH)], "root")

    def begun(hand: int) -> subprocess.Popen[str]:
        arguments = [path, folder / f"hand{hand}.jsonl", f"hand{hand}", acts, seed]
        command = [sys.executable, "-m", MODULE, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    processes = {hand: begun(hand) for hand in range(hands)}
    while processes:
        owner = holder_of(path.with_name(LOCK_NAME))
        by_pid = {process.pid: hand for hand, process in processes.items() if process.poll() is None}
        if kills and owner is not None and owner.pid in by_pid:
            time.sleep(chance.uniform(0, 0.4))
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGKILL)
                kills -= 1
        for hand, process in list(processes.items()):
            try:
                said, _ = process.communicate(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            if process.returncode == -signal.SIGKILL:
                processes[hand] = begun(hand)
                continue
            assert process.returncode == 0 and said.endswith("done\n"), said
            del processes[hand]
    with Store.open(path, "root") as store:
        for hand in range(hands):
            ids = list(range(1 + hand * ROWS_EACH, 1 + (hand + 1) * ROWS_EACH))
            model, pending, _ = replayed(folder / f"hand{hand}.jsonl", ids)
            assert pending is None and model.is_in(store, f"hand{hand}")
