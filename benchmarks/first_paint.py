"""First paint: a hello-world Textual app beside the studio, each a fresh process on a pseudo-terminal.

    python benchmarks/first_paint.py [--rows 10000] [--rounds 7]

Prints the seconds from the start of the process to the first frame, and for the studio also to the first row on
screen. Rounds alternate, so that a busy moment meets both; the median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import pyte

HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("hello world")

Hello().run()
"""
COLUMNS, LINES = 120, 40


def seconds_until(command: list[str], *patterns: str) -> list[float]:
    """Seconds from the start until each pattern is on the screen."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    started = time.perf_counter()
    child = pexpect.spawn(command[0], command[1:], dimensions=(LINES, COLUMNS), env=environment, timeout=30)
    found: list[float] = []
    while len(found) < len(patterns):
        stream.feed(child.read_nonblocking(65_536, timeout=30))
        if re.search(patterns[len(found)], "\n".join(screen.display)):
            found.append(time.perf_counter() - started)
    child.close(force=True)
    return found


def project_with(rows: int, folder: Path) -> Path:
    source = folder / "rows.jsonl"
    with source.open("w") as file:
        for number in range(rows):
            row = {"prompt": f"Question {number}: where is my parcel?", "completion": f"Answer {number}: on its way."}
            file.write(json.dumps(row) + "\n")
    project = folder / "project"
    subprocess.run([sys.executable, "-m", "studio", "init", str(project)], check=True, capture_output=True)
    subprocess.run(
        [sys.executable, "-m", "studio", "-C", str(project), "import", str(source)], check=True, capture_output=True
    )
    return project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    hello, frame, row = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "hello.py"
        script.write_text(HELLO)
        project = project_with(arguments.rows, Path(folder))
        for _ in range(arguments.rounds):
            hello += seconds_until([sys.executable, str(script)], "hello world")
            studio = seconds_until([sys.executable, "-m", "studio", "open", str(project)], "F2 Data", "Question 0")
            frame.append(studio[0])
            row.append(studio[1])
    base = statistics.median(hello)
    print(f"hello-world first paint   {base:.3f} s")
    for name, measured in (("studio first paint", frame), (f"studio first row of {arguments.rows:,}", row)):
        median = statistics.median(measured)
        print(f"{name:<25} {median:.3f} s   {median / base:.2f} × hello world")


if __name__ == "__main__":
    main()
