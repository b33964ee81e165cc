"""Import, export and splits of many rows, beside what bare DuckDB takes for the same work on the same file.

    python benchmarks/data_speed.py FILE --map prompt=question,completion=answer [--rows 10000,100000,1000000]

FILE is a JSONL of real pairs; its rows are repeated with a number appended to prompt and completion until there are
enough, so that none equals another. Each act is a verb in a process of its own, interpreter start included; bare DuckDB
is one too, with as many threads. ``read_json`` makes a table with the same columns and two MD5 hashes, as the store
has them; COPY writes it out. Peak memory is the process's largest resident set. Ratios are the studio's seconds over
DuckDB's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

from studio.acts.importing import parse_mapping

_BARE_IMPORT = """
import duckdb, sys
with duckdb.connect(sys.argv[1]) as store:
    store.execute('''CREATE TABLE rows AS SELECT row_number() OVER () AS example_id, prompt, completion, '' AS system,
        '' AS task, 'none' AS label, 'none' AS split, 'rows.jsonl' AS source,
        md5(lower(regexp_replace(trim(prompt), '\\\\s+', ' ', 'g'))) AS prompt_hash,
        md5(trim(prompt) || chr(0) || trim(completion) || chr(0)) AS pair_hash
        FROM read_json($1, format='newline_delimited', columns={prompt: 'VARCHAR', completion: 'VARCHAR'})''',
        [sys.argv[2]])
"""
_BARE_EXPORT = """
import duckdb, sys
with duckdb.connect(sys.argv[1]) as store:
    store.execute(f"COPY (SELECT prompt, completion FROM rows ORDER BY example_id) TO '{sys.argv[2]}' (FORMAT json)")
"""


@dataclass(frozen=True)
class Measured:
    seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        return f"{self.seconds:7.1f} s {self.peak_bytes / 2**20:6.0f} MB"


def measured(*command: str) -> Measured:
    """One process from start to end. Raises CalledProcessError where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(time.perf_counter() - began, usage.ru_maxrss * unit)


def write_rows(source: Path, mapping: dict[str, str], rows: int, path: Path) -> None:
    """``rows`` pairs of ``source``, each with its number appended."""
    names = mapping.get("prompt", "prompt"), mapping.get("completion", "completion")
    with source.open(encoding="utf-8") as file:
        pairs = [tuple(record[name] for name in names) for record in map(json.loads, file)]
    with path.open("w", encoding="utf-8") as file:
        for number, (prompt, completion) in zip(count(), cycle(pairs), strict=False):
            if number == rows:
                return
            record = {"prompt": f"{prompt} {number}", "completion": f"{completion} {number}"}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def round_of(source: Path, mapping: dict[str, str], rows: int, folder: Path) -> None:
    def studio(*arguments: str) -> Measured:
        return measured(sys.executable, "-m", "studio", "-C", str(folder / "desk"), *arguments)

    def bare(program: str, *arguments: str) -> Measured:
        return measured(sys.executable, "-c", program, *arguments)

    lines, parquet, out = folder / "rows.jsonl", folder / "rows.parquet", folder / "out.jsonl"
    write_rows(source, mapping, rows, lines)
    print(f"{rows:,} rows, {lines.stat().st_size / 1e6:.0f} MB")
    studio("init", str(folder / "desk"))
    store = str(folder / "bare.duckdb")
    ours = {"import": studio("import", str(lines)), "split": studio("split")}
    ours |= {"export": studio("export", str(out)), "export Parquet": studio("export", str(parquet))}
    studio("undo")
    studio("undo")
    ours["import Parquet"] = studio("import", str(parquet))
    theirs = {
        "import": bare(_BARE_IMPORT, store, str(lines)),
        "export": bare(_BARE_EXPORT, store, str(folder / "bare")),
    }
    for name, seen in ours.items():
        beside = theirs.get(name)
        ratio = f"   DuckDB {beside}   ratio {seen.seconds / beside.seconds:4.1f}" if beside else ""
        print(f"  {name:<16}{seen}{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--map", default="")
    parser.add_argument("--rows", default="10000,100000,1000000")
    arguments = parser.parse_args()
    for rows in map(int, arguments.rows.split(",")):
        with tempfile.TemporaryDirectory() as scratch:
            round_of(arguments.file, parse_mapping(arguments.map), rows, Path(scratch))


if __name__ == "__main__":
    main()
