"""What is no file: pipes and standard input are copied once, devices and what never ends are refused in words."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from studio.dataset.formats import sources
from studio.dataset.formats.reading import Candidate, read_file
from studio.errors import AskedWrongly, StudioError

ROWS = b"".join(b'{"prompt": "p%d", "completion": "c"}\n' % number for number in range(400))


@contextmanager
def piped(content: bytes, path: Path | None = None) -> Iterator[Path]:
    """The name of a pipe into which ``content`` is written; the shell's <(…), or ``path``."""
    if path is None:
        read_end, write_end = os.pipe()
        name = Path(f"/dev/fd/{read_end}")
    else:
        os.mkfifo(path)
        name, read_end, write_end = path, -1, -1

    def write() -> None:
        with path.open("wb") if path else os.fdopen(write_end, "wb") as file:
            file.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield name
    finally:
        writer.join()
        if read_end >= 0:
            os.close(read_end)


def prompts(path: Path, stream: io.BytesIO | None = None) -> list[str]:
    return [one.prompt for one in read_file(path, stream=stream) if isinstance(one, Candidate)]


EVERY = [f"p{number}" for number in range(400)]


def test_a_process_substitution_used_to_lose_the_rows_that_were_looked_at() -> None:
    with piped(ROWS) as path:
        assert prompts(path) == EVERY


def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    with piped(ROWS, tmp_path / "rows.jsonl") as path:
        assert prompts(path) == EVERY


def test_what_is_piped_in_is_read_and_remembered_as_that() -> None:
    (row,) = read_file(Path("-"), stream=io.BytesIO(b'prompt;completion\n"p";c\n'))
    assert isinstance(row, Candidate)
    assert (row.prompt, row.source, row.line) == ("p", "stdin", 2)


def test_a_row_remembers_a_pipe_and_not_the_number_it_had(tmp_path: Path) -> None:
    with piped(ROWS) as path:
        sourced = {one.source for one in read_file(path) if isinstance(one, Candidate)}
    assert sourced == {"pipe"}


def test_problems_in_a_pipe_are_named_by_line() -> None:
    found = read_file(Path("-"), stream=io.BytesIO(ROWS + b"nonsense\n"))
    assert str([*found][-1]) == "-:401: not JSON: expecting value at column 1"


def test_a_pipe_that_nobody_writes_to_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "WAIT_SECONDS", 0.1)
    path = tmp_path / "rows.jsonl"
    os.mkfifo(path)
    with pytest.raises(AskedWrongly, match="a pipe that nobody writes to"):
        read_file(path)


def test_waiting_for_a_pipe_can_be_given_up(tmp_path: Path) -> None:
    def stopped(_bytes: int) -> NoReturn:
        raise StudioError("The reading was stopped.")

    read_end, write_end = os.pipe()
    with pytest.raises(StudioError, match="stopped"):
        read_file(Path(f"/dev/fd/{read_end}"), on_bytes=stopped)
    os.close(read_end)
    os.close(write_end)


def test_what_never_ends_is_refused_once_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_SPOOLED_BYTES", 3 * 2**20)

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return b"y\n" * 2**19

    with pytest.raises(AskedWrongly, match="has not ended"):
        read_file(Path("-"), stream=Endless())


def test_no_room_for_the_copy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> NoReturn:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", Full)
    with pytest.raises(StudioError, match=r"no room in .* No space left") as caught:
        read_file(Path("-"), stream=io.BytesIO(ROWS))
    assert "TMPDIR" in caught.value.hint


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/urandom"])
def test_a_device_is_refused(path: str) -> None:
    with pytest.raises(AskedWrongly, match="a device, not a file"):
        read_file(Path(path))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file of Linux")
def test_a_file_of_the_kernel_s_is_read_or_refused_in_words_and_never_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="/proc/self/mem: cannot be read: Input/output error"):
        read_file(Path("/proc/self/mem"))
    with pytest.raises(AskedWrongly, match="neither JSONL"):
        read_file(Path("/proc/self/stat"))


def test_a_disk_that_fails_midway_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROWS)
    found = read_file(path)
    next(found)

    def failed(*_arguments: object) -> NoReturn:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("studio.dataset.formats.jsonl.record_of_line", failed)
    with pytest.raises(StudioError, match=r"rows.jsonl: cannot be read: Input/output error"):
        list(found)


def test_a_text_with_many_odd_columns_is_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"column{number}" for number in range(50_000)) + "\n1\n")
    with pytest.raises(AskedWrongly) as caught:
        read_file(path)
    assert "and others" in caught.value.message and len(caught.value.message) < 1000
