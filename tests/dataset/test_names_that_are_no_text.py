"""Files, folders and accounts may have names that are not UTF-8: the store holds what it can, and says what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly


def test_an_import_from_a_file_by_an_account_whose_names_are_not_utf8_is_stored(tmp_path: Path) -> None:
    with Store.open(tmp_path / "studio.duckdb", "anna\udcff") as store:
        store.add([Candidate("a", "b")], "bad\udcff.jsonl")
        store.set_label([1], "accept")
        assert store.example(1).source == "bad�.jsonl"
        assert store.history(1)[-1].who == "anna�"
        change = store.undo() and store.undo()
        assert change is not None and change.summary == "import 1 example from bad�.jsonl"


def test_a_folder_whose_name_is_not_utf8_is_refused_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "bad\udcff"
    folder.mkdir()
    with pytest.raises(AskedWrongly, match="the name is not UTF-8") as refused:
        Store.open(folder / "studio.duckdb", "anna")
    assert refused.value.hint == "Rename the folder."
