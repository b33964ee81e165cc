"""Ten thousand damaged import files: each is read, or refused in words, and nothing in them is lost in silence.

A file is a sound one of some format with one to four mutations, all decided by its number; so a number that fails,
fails again, and the failure shows what is in the file.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from studio.acts.importing import confirm_import, preview_import
from studio.dataset.formats.csv_files import CSV, TSV
from studio.dataset.formats.json_array import JSON_ARRAY
from studio.dataset.formats.jsonl import JSONL
from studio.dataset.formats.packed import PACKED, ending_of
from studio.dataset.formats.parquet import PARQUET
from studio.dataset.formats.reading import Candidate, Problem, container_of, read_file
from studio.dataset.formats.sources import open_source
from studio.dataset.formats.text_files import TEXT
from studio.dataset.store import Store
from studio.errors import StudioError

FILES = 10_000
PARTS = 20
SECONDS = 5.0  # of CPU, for a file of some kilobytes
MARKER = re.compile(rb"row-\d+-")

Items = list[Candidate | Problem]
Mutation = Callable[[random.Random, bytes], bytes]


# -- sound files


def rows_of(chance: random.Random) -> list[dict[str, object]]:
    texts = ["plain", "tiếng Việt", "漢字", '"quoted", and; more\t', "two\nlines\n\nand, three", "{[}]", "👩‍👩‍👧", "\\"]
    return [
        {
            "prompt": f"row-{number}- {chance.choice(texts)}",
            "completion": chance.choice(texts),
            "n": chance.choice([1, -2.5e10, None, True, ["a", {"prompt": "p", "completion": "c"}]]),
        }
        for number in range(chance.randint(1, 12))
    ]


def as_chat(row: dict[str, object]) -> dict[str, object]:
    turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
    return {"messages": turns, "task": "chat"}


def as_other_shape(chance: random.Random, row: dict[str, object]) -> dict[str, object]:
    prompt, completion = row["prompt"], row["completion"]
    turns = [{"from": "human", "value": prompt}, {"from": "gpt", "value": completion}]
    shapes: list[dict[str, object]] = [
        as_chat(row),
        {"instruction": prompt, "input": "", "output": completion},
        {"conversations": turns * chance.randint(1, 3), "id": 1},
        {"prompt": prompt, "chosen": completion, "rejected": "row--"},
        {"text": f"{prompt} {completion}", "url": "u"},
    ]
    return chance.choice(shapes)


def jsonl(chance: random.Random, rows: list[dict[str, object]]) -> str:
    lines = (json.dumps(row, ensure_ascii=chance.random() < 0.3) for row in rows)
    return chance.choice(["\n", "\r\n"]).join(lines) + "\n"


def array(chance: random.Random, rows: list[dict[str, object]]) -> str:
    match chance.randrange(3):
        case 0:
            return json.dumps(rows)
        case 1:
            return json.dumps(rows, indent=chance.randint(0, 4), ensure_ascii=False)
        case _:
            return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def table(chance: random.Random, rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    delimiter = chance.choice(",;\t")
    writer = csv.DictWriter(text, ["prompt", "completion", "n"], delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def sound_file(chance: random.Random) -> tuple[str, bytes]:
    """A name and what the file holds."""
    rows = rows_of(chance)
    ending, write = chance.choice([(".jsonl", jsonl), (".json", array), (".csv", table)])
    if write is not table and chance.random() < 0.5:
        rows = [as_other_shape(chance, row) for row in rows]
    name = "rows" + chance.choice([ending, ending, ".jsonl", ".json", ".csv", ".txt", ""])
    return name, write(chance, rows).encode()


# -- what happens to them


def somewhere(chance: random.Random, data: bytes) -> int:
    return chance.randint(0, len(data))


def flipped(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), chance.choice([1, 1, 1, 5]))):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut_off(chance: random.Random, data: bytes) -> bytes:
    return data[: somewhere(chance, data)]


def cut_out(chance: random.Random, data: bytes) -> bytes:
    start = somewhere(chance, data)
    return data[:start] + data[start + chance.randint(1, 60) :]


def doubled(chance: random.Random, data: bytes) -> bytes:
    start, end = sorted((somewhere(chance, data), somewhere(chance, data)))
    return data[:end] + data[start:end] + data[end:]


def twice_over(chance: random.Random, data: bytes) -> bytes:
    return data + chance.choice([b"", b"\n", b" ", b",", b"\xef\xbb\xbf"]) + data


def inserted(chance: random.Random, data: bytes) -> bytes:
    pieces = [
        *(b"[", b"]", b"{", b"}", b'"', b'""', b",", b":", b"\\", b"\n", b"\r", b"\n\n", b"\t", b"]\n[", b"]\n", b"'"),
        *(b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b[2J", b"\xe2\x80\xa8"),
        *(b"\\ud800", b"\\u12", b"\\n"),
        *(b"NaN", b"-Infinity", b"1e400", b"9" * 5000, b"-", b"tru", b"x" * 300),
        *(b"[" * 3000, b'{"a":' * 3000, b"[[[[]]]]", b'{"prompt": 1}', b'{"prompt": "p", "completion": "c"}\n'),
    ]
    for _ in range(chance.choice([1, 1, 3])):
        at = somewhere(chance, data)
        data = data[:at] + chance.choice(pieces) + data[at:]
    return data


def lines_moved(chance: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def recoded(chance: random.Random, data: bytes) -> bytes:
    coding = chance.choice(["utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-7", "utf-32"])
    return data.decode(errors="replace").encode(coding, errors="replace")


def other_newlines(chance: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", chance.choice([b"\r", b"\r\n", b"\n\n", b"\x0b", b" "]))


MUTATIONS: list[Mutation] = [
    *(flipped, flipped, flipped, cut_off, cut_out, doubled, twice_over),
    *(inserted, inserted, inserted, lines_moved, recoded, other_newlines),
]


def damaged_file(number: int, folder: Path) -> Path:
    chance = random.Random(number)
    name, data = sound_file(chance)
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        data = chance.choice(MUTATIONS)(chance, data)
    path = folder / name
    path.write_bytes(data)
    return path


# -- what must hold


def check(path: Path) -> Items:
    """Read the file, and see that all of it is in what was read; nothing, where it is refused in words."""
    began = time.process_time()
    try:
        found = list(read_file(path))
    except StudioError as refused:
        assert refused.message and "\n" not in refused.message
        return []
    finally:
        assert time.process_time() - began < SECONDS
    for one in found:
        assert isinstance(one, Candidate | Problem) and one.line >= 1
        assert not isinstance(one, Problem) or (one.why and len(str(one)) < 3_000)
    source = open_source(path)
    container = container_of(source, ending_of(path))
    source.close()
    if path.suffix not in PACKED:  # else what lies on the disk is not what was read
        CHECKS.get(container.name, check_nothing_more)(path, found)
    return found


def check_nothing_more(path: Path, found: Items) -> None:
    """A format that is whole or refused."""


def check_document(path: Path, found: Items) -> None:
    assert len(found) == 1


def check_lines(path: Path, found: Items) -> None:
    """Every line that is not blank is a row or a problem, once."""
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert [one.line for one in found] == [number for number, line in enumerate(lines, start=1) if line.strip()]


def check_table(path: Path, found: Items) -> None:
    """Every record is a row or a problem, once; where quotes are broken, every line with a marker is in one."""
    data = path.read_bytes()
    text = data.decode("utf-8-sig", "surrogateescape")
    header = next(line for line in text.split("\n") if line.strip())
    delimiter = max(",;\t", key=header.count)
    try:
        records = [*csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)]
    except csv.Error:
        check_markers(data, found, lambda line, _: any(one.line == line for one in found))
    else:
        assert len(found) == sum(map(bool, records)) - 1


def check_array(path: Path, found: Items) -> None:
    """Every element is a row or a problem: every marker is in one, or on the lines of one."""
    data = path.read_bytes()
    text = data.decode("utf-8", "surrogateescape")
    starts = [0, *(match.end() for match in re.finditer("\n", text)), len(text)]

    def is_of_an_item_above(line: int, marker: str) -> bool:
        first = max((one.line for one in found if one.line <= line), default=1)
        behind = text.index(marker, starts[line - 1])
        begin = (place for place in range(starts[first - 1], starts[first]) if text[place] == "{")
        return any(ends_behind(place, behind) for place in begin)

    def ends_behind(start: int, position: int) -> bool:
        try:
            return json.JSONDecoder().raw_decode(text, start)[1] > position
        except (ValueError, RecursionError):
            return False

    check_markers(data, found, is_of_an_item_above)


def check_markers(data: bytes, found: Items, is_elsewhere: Callable[[int, str], bool]) -> None:
    texts = "\n".join(f"{one.prompt}\n{one.completion}" for one in found if isinstance(one, Candidate))
    problems = [one for one in found if isinstance(one, Problem)]
    for line, raw in enumerate(data.split(b"\n"), start=1):
        for marker in {match.decode() for match in MARKER.findall(raw)}:
            is_named = any(one.line <= line <= one.last_line for one in problems)
            assert marker in texts or is_named or is_elsewhere(line, marker), f"line {line}: {marker} is lost"


CHECKS: dict[str, Callable[[Path, Items], None]] = {
    JSONL.name: check_lines,
    JSON_ARRAY.name: check_array,
    CSV.name: check_table,
    TSV.name: check_table,
    TEXT.name: check_document,
}


def damaged_binary(number: int, folder: Path) -> Path:
    """A packed file, or one of Parquet, damaged as it lies on the disk or before it was packed."""
    chance = random.Random(number)
    name, data = sound_file(chance)
    kind = chance.choice(["parquet", "gz", "zst"])
    if kind == "parquet":
        path = folder / "rows.parquet"
        PARQUET.write_to(path, rows_of(chance), ("prompt", "completion"))  # type: ignore[misc]
        data = path.read_bytes()
    else:
        for _ in range(chance.choice([0, 0, 1])):
            data = chance.choice(MUTATIONS)(chance, data)
        data = gzip.compress(data) if kind == "gz" else zstandard.compress(data)
        path = folder / f"{name}.{kind}"
    for _ in range(chance.choice([0, 1, 1, 2])):
        data = chance.choice([flipped, cut_off, cut_out, doubled, inserted])(chance, data)
    path.write_bytes(data)
    return path


def run(numbers: range, folder: Path, damage: Callable[[int, Path], Path] = damaged_file) -> int:
    """How many of the files were read, and not refused."""
    read = 0
    for number in numbers:
        path = damage(number, folder)
        try:
            read += bool(check(path))
        except BaseException as error:
            raise AssertionError(f"file {number}, {path.name}: {path.read_bytes()[:3000]!r}") from error
    return read


def test_a_hundred_damaged_files_are_read_or_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    assert run(range(100), tmp_path) > 50


def test_damaged_packed_files_and_parquet_are_read_or_refused_in_words(tmp_path: Path) -> None:
    assert run(range(12), tmp_path, damaged_binary) > 2


@pytest.mark.soak
@pytest.mark.parametrize("part", range(4))
def test_two_thousand_damaged_packed_files_and_parquet_are_read_or_refused_in_words(part: int, tmp_path: Path) -> None:
    assert run(range(part * 500, (part + 1) * 500), tmp_path, damaged_binary) > 100


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_damaged_files_are_read_or_refused_and_nothing_is_lost(part: int, tmp_path: Path) -> None:
    numbers = range(part * FILES // PARTS, (part + 1) * FILES // PARTS)
    assert run(numbers, tmp_path) > len(numbers) / 2


@pytest.mark.soak
def test_what_is_read_of_five_hundred_of_them_is_stored_counted_and_taken_back(tmp_path: Path) -> None:
    with Store.open(tmp_path / "studio.duckdb", "anna") as store:
        for number in range(0, FILES, FILES // 500):
            path = damaged_file(number, tmp_path)
            found = check(path)
            if not found:
                continue
            before = store.stats().examples
            preview = preview_import(store, [path])
            added = confirm_import(store, preview)
            assert added.added + added.duplicates + len(preview.problems) == len(found), number
            assert store.stats().examples == before + added.added
            if number % 3 and added.added:
                assert store.undo() is not None
                assert store.stats().examples == before
