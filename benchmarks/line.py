"""What a key costs on a slow line: bytes to the terminal, and the time to the last of them.

    python benchmarks/line.py [--rows 1000000] [--sizes 80x24,120x40,140x40] [--keys 20]
        [--peer 'dt view=dt view {rows}'] [--peer 'VisiData=vd {rows}']

Every program runs on a pseudo-terminal of its own over the same rows. A key is sent, and everything that comes back
until the line is quiet is counted. Peers get the keys of moving only. The studio also shows a window check, a training
whose steps are written here one by one, and a comparison: the recorded demo's.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pexpect

from studio.files import take_lock
from studio.runs.directory import RunDirectory
from studio.runs.events import EventWriter, Plan, Started, Step
from studio.runs.specs import TrainSpec, write_spec

QUIET_SECONDS, IDLE_SECONDS = 0.25, 5.0
MOST_QUIET_TIMES = 6
RECORDED = Path(__file__).parents[1] / "tests" / "recorded"
DOWN, PAGE_DOWN = "j", "\x1b[6~"
LEFT, RIGHT = "\x1b[D", "\x1b[C"
ESCAPE = "\x1b"
WINDOW, RUNS, COMPARE = "\x1bOR", "\x1bOS", "\x1b[15~"
LIVED_STEPS = 200


@dataclass(frozen=True)
class Cost:
    """What one key cost: bytes, and milliseconds until the last of them came."""

    bytes: int
    milliseconds: float


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, command: list[str], size: tuple[int, int]) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        columns, lines = size
        self.started = time.perf_counter()
        self.child = pexpect.spawn(command[0], command[1:], dimensions=(lines, columns), env=environment, timeout=120)
        self.child.delaybeforesend = None

    def until(self, pattern: str) -> float:
        """Seconds from the start until the pattern was written."""
        self.child.expect(pattern)
        return time.perf_counter() - self.started

    def quiet(self, seconds: float) -> tuple[int, float]:
        """(bytes, when the last came) until nothing has come for so long; a screen with a clock is never quiet."""
        count, last = 0, time.perf_counter()
        until, at_most = last + seconds, last + MOST_QUIET_TIMES * seconds
        while time.perf_counter() < min(until, at_most):
            try:
                count += len(self.child.read_nonblocking(1 << 20, timeout=0.002))
                last = time.perf_counter()
                until = last + seconds
            except pexpect.TIMEOUT:
                continue
        return count, last

    def cost(self, key: str) -> Cost:
        sent = time.perf_counter()
        self.child.send(key)
        count, last = self.quiet(QUIET_SECONDS)
        return Cost(count, (last - sent) * 1000 if count else 0.0)

    def idle(self) -> float:
        """Share of a core while nobody does anything."""
        self.quiet(1.0)
        before, started = cpu_seconds(self.child.pid), time.perf_counter()
        self.quiet(IDLE_SECONDS)
        return (cpu_seconds(self.child.pid) - before) / (time.perf_counter() - started)

    def megabytes(self) -> float:
        """Resident memory of the program and of all that it started."""
        return resident_bytes(self.child.pid) / 1e6

    def close(self) -> None:
        self.child.close(force=True)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, as Linux tells it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Of a process and of all beneath it, as Linux tells it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = [
        child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident_bytes(int(child)) for child in children)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sizes", default="80x24,120x40,140x40")
    parser.add_argument("--keys", type=int, default=20, help="times that each key is sent")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="{rows} is the JSONL file")
    arguments = parser.parse_args()
    sizes = [(int(columns), int(lines)) for columns, lines in (size.split("x") for size in arguments.sizes.split(","))]
    with tempfile.TemporaryDirectory() as scratch:
        rows = write_rows(Path(scratch) / "rows.jsonl", arguments.rows)
        project = project_of(rows, Path(scratch))
        for size in sizes:
            print(f"\n{size[0]}x{size[1]}, {arguments.rows:,} rows")
            measure_studio(project, size, arguments.keys)
            for peer in arguments.peer:
                name, _, command = peer.partition("=")
                measure_peer(name, shlex.split(command.format(rows=rows)), size, arguments.keys)


def write_rows(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            prompt = f"Ticket {number}: order {number * 7919 % 100_003} has not arrived, {number % 12} days late. Why?"
            completion = f'{{"order": {number * 7919 % 100_003}, "intent": "where", "days": {number % 12}}}'
            file.write(json.dumps({"prompt": prompt, "completion": completion}) + "\n")
    return path


def project_of(rows: Path, folder: Path) -> Path:
    project = folder / "project"
    for verb in (["init", str(project)], ["-C", str(project), "import", str(rows)]):
        subprocess.run([sys.executable, "-m", "studio", *verb], check=True, capture_output=True)
    # Tokens are counted once, behind the screens; without the base model here there is nothing to count.
    subprocess.run([sys.executable, "-m", "studio", "-C", str(project), "window"], capture_output=True, check=False)
    for run in RECORDED.iterdir():
        if run.is_dir():
            shutil.copytree(run, project / "runs" / run.name)
    return project


def measure_studio(project: Path, size: tuple[int, int], times: int) -> None:
    terminal = Terminal([sys.executable, "-m", "studio", "open", str(project)], size)
    painted = terminal.until("F2")
    terminal.until("Ticket")
    terminal.quiet(3.0)
    print(f"  first paint {painted:.2f} s")
    _print("Data: j", [terminal.cost(DOWN) for _ in range(min(times, size[1] // 2 - 6))])
    _print("Data: k", [terminal.cost("k") for _ in range(min(times, size[1] // 2 - 6))])
    for key in "as":
        terminal.cost("g")
        _print(f"Data: {key}", [terminal.cost(key) for _ in range(min(times, size[1] // 2 - 6))])
    _print("Data: PgDn", [terminal.cost(PAGE_DOWN) for _ in range(times)])
    _print("Data: G", [terminal.cost("G")])
    _print("Data: g", [terminal.cost("g")])
    print(f"  after G and back {terminal.megabytes():.0f} MB")
    print(f"  idle on Data {terminal.idle():.1%} of a core")
    _measure_screen(terminal, "Window", WINDOW, [DOWN], times)
    _measure_screen(terminal, "Compare", COMPARE, [DOWN], times)
    run = LivingRun(project)
    terminal.cost(RUNS)
    terminal.quiet(2.0)
    terminal.cost("g")  # the newest run is on top
    _measure_screen(terminal, "Runs", RUNS, [LEFT, RIGHT], times)
    terminal.cost(ESCAPE)
    _print("Runs: a step", [_cost_of_step(terminal, run, LIVED_STEPS + number) for number in range(times)])
    run.end()
    terminal.close()


def _cost_of_step(terminal: Terminal, run: LivingRun, number: int) -> Cost:
    written = time.perf_counter()
    run.write_step(number)
    count, last = terminal.quiet(2 * QUIET_SECONDS)
    return Cost(count, (last - written) * 1000)


def _measure_screen(terminal: Terminal, name: str, opens: str, keys: list[str], times: int) -> None:
    terminal.cost(opens)
    terminal.quiet(2.0)
    for key in keys:
        label = {LEFT: "←", RIGHT: "→"}.get(key, key)
        _print(f"{name}: {label}", [terminal.cost(key) for _ in range(min(times, 6))])
    print(f"  idle on {name} {terminal.idle():.1%} of a core")


class LivingRun:
    """A training that lives in this process: it holds the run's lock and writes one step at a time."""

    def __init__(self, project: Path) -> None:
        self.directory = RunDirectory(project / "runs" / "train-1231-235959-zz")
        self.directory.path.mkdir()
        write_spec(self.directory, TrainSpec(base_model="m", model_path="m"))
        self._lock = take_lock(self.directory.lock_path)
        self._events = EventWriter(self.directory.events_path)
        self._events.write(Started(pid=os.getpid(), kind="train"))
        self._events.write(Plan(steps=1000, steps_per_epoch=500, rows=4000, tokens_per_epoch=500_000, dtype="bfloat16"))
        for number in range(1, LIVED_STEPS):
            self.write_step(number)

    def write_step(self, number: int) -> None:
        self._events.write(
            Step(
                step=number,
                epoch=number / 500,
                tokens=number * 1000,
                loss=1.2 + 1.0 / (1 + number / 40) + 0.1 * ((number * 7919) % 13) / 13,
                learning_rate=1e-4,
                grad_norm=1.0,
                tokens_per_second=300.0,
                memory_bytes=3_000_000_000,
            )
        )

    def end(self) -> None:
        self._lock.close()
        shutil.rmtree(self.directory.path)


def measure_peer(name: str, command: list[str], size: tuple[int, int], times: int) -> None:
    terminal = Terminal(command, size)
    painted = terminal.until("Ticket")
    terminal.quiet(3.0)
    print(f"  {name}: first rows {painted:.2f} s")
    _print(f"{name}: j", [terminal.cost(DOWN) for _ in range(min(times, size[1] // 2 - 6))])
    _print(f"{name}: PgDn", [terminal.cost(PAGE_DOWN) for _ in range(times)])
    print(f"  {name}: {terminal.megabytes():.0f} MB")
    terminal.close()


def _print(name: str, costs: list[Cost]) -> None:
    sent = sorted(cost.bytes for cost in costs)
    waited = sorted(cost.milliseconds for cost in costs)
    p95 = waited[min(len(waited) - 1, round(0.95 * len(waited)))]
    print(
        f"  {name:<18} {sent[len(sent) // 2]:>8,} bytes (most {sent[-1]:,})"
        f"   last byte p50 {waited[len(waited) // 2]:4.0f} ms, p95 {p95:4.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
