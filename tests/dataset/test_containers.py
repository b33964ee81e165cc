"""Tables with tabs, Parquet, plain text, packed files, folders, patterns and the hub: the same rows come out of all."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard

from studio.acts.exporting import export_examples
from studio.acts.importing import preview_import
from studio.dataset.candidates import Candidate, Problem
from studio.dataset.formats import packed
from studio.dataset.formats.reading import read_file
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StudioError
from studio.turns import Turn, written
from tests.dataset.test_shapes import ROWS

GOOD = '{"prompt": "p", "completion": "c"}\n'


def texts(found: list[Candidate | Problem]) -> list[tuple[str, str, int]]:
    assert all(isinstance(one, Candidate) for one in found), found
    return [(one.prompt, one.completion, one.line) for one in found if isinstance(one, Candidate)]


@pytest.mark.parametrize("shape", ["pair", "messages", "sharegpt", "alpaca"])
def test_parquet_holds_every_shape_and_gives_the_same_rows_back(tmp_path: Path, store: Store, shape: str) -> None:
    rows = (*ROWS, Candidate("Tôi", "灯\r\n👩‍🔧", context=written([Turn("assistant", 'a "b"\x1b\u2028')])))
    store.add(rows, "")
    path = tmp_path / "rows.parquet"
    assert export_examples(store, path, range(1, len(rows) + 1), shape=shape) == len(rows)
    again = preview_import(store, [path])
    assert (again.problems, again.plan.added, again.plan.duplicates) == ([], 0, len(rows))
    assert [one.line for one in again.candidates] == list(range(1, len(rows) + 1))
    facts = [(one.rejected, one.context, one.label, one.split, one.task, one.system) for one in again.candidates]
    assert facts == [(one.rejected, one.context, one.label, one.split, one.task, one.system) for one in rows]
    assert path.stat().st_mode & 0o777 == 0o600 and not list(tmp_path.glob(".*part"))


def test_a_damaged_parquet_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(AskedWrongly, match=r"rows\.parquet: not a Parquet file that can be read"):
        read_file(path)


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_packed_file_is_read_as_what_is_in_it_whatever_it_is_called(
    tmp_path: Path, ending: str, pack: object
) -> None:
    assert callable(pack)
    for name in (f"rows.jsonl{ending}", "rows.jsonl", "rows"):
        path = tmp_path / name
        path.write_bytes(pack(GOOD.encode() * 2))
        assert texts(list(read_file(path))) == [("p", "c", 1), ("p", "c", 2)]
    (tmp_path / f"t.txt{ending}").write_bytes(pack(b"once upon a time"))
    assert texts(list(read_file(tmp_path / f"t.txt{ending}"))) == [("", "once upon a time", 1)]
    (tmp_path / "cut").write_bytes(pack(GOOD.encode() * 2)[:-9])
    with pytest.raises(AskedWrongly, match="cut: cannot be unpacked"):
        read_file(tmp_path / "cut")


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_file_that_unpacks_to_far_more_than_data_does_is_refused(
    tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(pack)
    monkeypatch.setattr(packed, "_RATIO_FROM_BYTES", 1 << 20)
    monkeypatch.setattr(packed, "MAX_RATIO", 50)
    (tmp_path / "bomb").write_bytes(pack(b" " * (5 << 20)))
    with pytest.raises(AskedWrongly, match="bomb: unpacks to more than 50 times its size"):
        read_file(tmp_path / "bomb")


def test_tabs_part_the_columns_of_a_tsv_file_both_ways(tmp_path: Path, store: Store) -> None:
    store.add([Candidate('a "b"\tc', "d,e\nf")], "")
    path = tmp_path / "rows.tsv"
    export_examples(store, path, [1])
    assert path.read_bytes() == b'prompt\tcompletion\tsystem\ttask\tlabel\tsplit\r\n"a ""b""\tc"\t"d,e\nf"\t\t\t\t\r\n'
    assert texts(list(read_file(path))) == [('a "b"\tc', "d,e\nf", 2)]


def test_a_text_file_is_one_document_or_an_example_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tale.txt"
    path.write_bytes(b"\xef\xbb\xbfonce\r\n\r\nupon\na time\n")
    assert texts(list(read_file(path))) == [("", "once\n\nupon\na time", 1)]
    assert texts(list(read_file(path, by_lines=True))) == [("", "once", 1), ("", "upon", 3), ("", "a time", 4)]
    path.write_bytes(b"once\nca\xe9")
    whole, by_lines = (list(read_file(path, by_lines=how)) for how in (False, True))
    assert [str(one).partition("txt")[2] for one in whole] == [":2: invalid UTF-8 (byte 0xe9 at 3)"]
    assert isinstance(by_lines[0], Candidate) and str(by_lines[1]).endswith(":2: invalid UTF-8 (byte 0xe9 at 3)")


def test_a_folder_and_a_pattern_stand_for_the_data_files_in_them(tmp_path: Path, store: Store) -> None:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / ".hidden").mkdir()
    for name in ("b.jsonl", "deep/a.jsonl", ".hidden/c.jsonl", "readme", "deep/d.jsonl.gz"):
        content = json.dumps({"prompt": name, "completion": "c"}).encode()
        (tmp_path / "data" / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)

    def prompts(path: Path) -> list[str]:
        return [one.prompt for one in preview_import(store, [path]).candidates]

    assert prompts(tmp_path / "data") == ["b.jsonl", "deep/a.jsonl", "deep/d.jsonl.gz"]
    assert prompts(tmp_path / "data" / "**" / "?.jsonl") == ["b.jsonl", "deep/a.jsonl"]
    (tmp_path / "data" / "[1].jsonl").write_text(GOOD)
    assert prompts(tmp_path / "data" / "[1].jsonl") == ["p"], "a file that is called so is that file"
    with pytest.raises(AskedWrongly, match="no file fits this pattern"):
        prompts(tmp_path / "*.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AskedWrongly, match="empty: no data file in this folder"):
        prompts(tmp_path / "empty")


def test_a_dataset_of_the_hub_is_its_parquet_files_of_that_part(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([Candidate("p", "c")], "")
    export_examples(store, tmp_path / "0000.parquet", [1])
    asked: list[tuple[object, ...]] = []

    class Api:
        def list_repo_files(self, name: str, repo_type: str, revision: str) -> list[str]:
            asked.append((name, repo_type, revision))
            return ["default/train/0000.parquet", "default/test/0000.parquet", "other/train/0000.parquet", "README.md"]

    def download(name: str, file: str, repo_type: str, revision: str) -> str:
        asked.append((name, file))
        return str(tmp_path / "0000.parquet")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(HfApi=Api, hf_hub_download=download))
    assert preview_import(store, [Path("hf:owner/name/other:train")]).plan.duplicates == 1
    assert preview_import(store, [Path("hf:owner/name")]).plan.duplicates == 1
    assert asked[0] == ("owner/name", "dataset", "refs/convert/parquet")
    assert [one[1] for one in asked[1::2]] == ["other/train/0000.parquet", "default/train/0000.parquet"]
    with pytest.raises(AskedWrongly, match="there is default:test, default:train, other:train"):
        preview_import(store, [Path("hf:owner/name:dev")])
    with pytest.raises(AskedWrongly, match="not a dataset of the hub"):
        preview_import(store, [Path("hf:name")])
    monkeypatch.setattr(Api, "list_repo_files", lambda *given, **named: 1 / 0)
    with pytest.raises(StudioError, match="cannot be fetched: division by zero") as refused:
        preview_import(store, [Path("hf:owner/name")])
    assert "reachable" in refused.value.hint
