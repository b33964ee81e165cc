"""What `studio export` writes, byte for byte, and that it is read back as the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.formats.reading import read_file
from tests.dataset.golden_exports import GOLDEN, NAMES, ROWS, made_in


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_the_golden_file_byte_for_byte(tmp_path: Path, name: str) -> None:
    made_in(tmp_path)
    assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes(), "python -m tests.dataset.golden_exports"


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_is_read_as_the_rows_it_was_made_from(name: str) -> None:
    found = [one for one in read_file(GOLDEN / name) if isinstance(one, Candidate)]
    kept = [row for row in ROWS if row.prompt != "removed below"]
    texts = [(one.prompt, one.system, one.task, one.label, one.split) for one in found]
    assert texts == [(row.prompt, row.system, row.task, row.label, row.split) for row in reversed(kept)]
    completions = {one.prompt: one.completion for one in found}
    assert completions == {row.prompt: row.completion for row in kept} | {"edited below": "after"}
