"""One door for formats: containers and shapes are values in two tuples, and all else asks the tuples."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from studio.acts.exporting import export_examples
from studio.acts.importing import preview_import
from studio.dataset.candidates import Candidate, Columns, Place, Problem, Record
from studio.dataset.formats import CONTAINERS, SHAPES, described, described_shapes, reading, written_endings
from studio.dataset.formats.container import Container, Evidence, Records
from studio.dataset.formats.lines import OnBytes
from studio.dataset.formats.reading import WrongColumns, read_file
from studio.dataset.formats.shape import Shape, Texts
from studio.dataset.store import Store

GOOD = '{"prompt": "p", "completion": "c"}'


def read(tmp_path: Path, content: str, name: str, mapping: dict[str, str] | None = None) -> list[Candidate | Problem]:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return list(read_file(path, mapping))


def texts(found: list[Candidate | Problem]) -> list[tuple[str, str]]:
    assert all(isinstance(one, Candidate) for one in found), found
    return [(one.prompt, one.completion) for one in found if isinstance(one, Candidate)]


def test_words_for_people_name_every_format() -> None:
    assert described() == "JSONL, a JSON array, CSV, TSV, Parquet or plain text"
    assert described_shapes() == "plain text, preference pairs, prompt/completion, chat messages, ShareGPT or Alpaca"
    assert written_endings() == ".jsonl, .csv, .tsv or .parquet"
    assert len({one.name for one in CONTAINERS}) == len(CONTAINERS)
    for container in CONTAINERS:
        assert bool(container.endings) == container.is_written, container.name
    for shape in SHAPES:
        assert bool(shape.columns) == (shape.write is not None), shape.name


def _blocks(raw: BinaryIO, file: str, on_bytes: OnBytes | None) -> Records:
    for number, block in enumerate(raw.read().decode().removeprefix("%%\n").split("\n\n")):
        prompt, completion = block.split("\n")
        yield 3 * number + 2, {"ask": prompt, "answers": [completion.strip()]}


def _is_block(head: bytes, ending: str) -> Evidence:
    return Evidence.CERTAIN if head.startswith(b"%%") else Evidence.NONE


BLOCKS = Container("blocks", "two lines and an empty one", _is_block, _blocks)


def _first_answer(record: Record, columns: Columns, place: Place) -> Texts | Problem:
    answers = record["answers"]
    assert isinstance(answers, list)
    return {"prompt": str(record["ask"]), "completion": answers[0]}


SQUAD = Shape(
    "question with answers", "", "{}", lambda columns: frozenset({"ask", "answers"}), _first_answer, has_columns=False
)


def test_a_new_container_and_a_new_shape_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CONTAINERS", (*CONTAINERS, BLOCKS))
    monkeypatch.setattr(reading, "SHAPES", (*SHAPES, SQUAD))
    assert texts(read(tmp_path, "%%\nWho?\nme\n\nWhere?\nhere", "rows.blk")) == [("Who?", "me"), ("Where?", "here")]
    assert texts(read(tmp_path, '{"ask": "a", "answers": ["b"]}\n' + GOOD, "rows.jsonl")) == [("a", "b"), ("p", "c")]


def test_a_file_that_no_container_knows_is_told_the_formats(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"neither JSONL, .* Parquet nor plain text: it begins with 'h'") as caught:
        read(tmp_path, "hello", "rows")
    assert 'Write one object per line: {"prompt": "…", "completion": "…"}' in str(caught.value)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json", "rows", "rows.txt"])
@pytest.mark.parametrize("content", [GOOD + "\n", f"[{GOOD}]", f"\ufeff\n {GOOD}"])
def test_what_the_first_bytes_show_counts_for_more_than_the_name(tmp_path: Path, content: str, name: str) -> None:
    assert texts(read(tmp_path, content, name)) == [("p", "c")]


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.txt", "rows"])
def test_a_table_is_known_by_its_name_or_its_separators(tmp_path: Path, name: str) -> None:
    assert texts(read(tmp_path, "prompt\tcompletion\np\tc\n", name)) == [("p", "c")]


def test_a_broken_first_line_of_jsonl_is_not_taken_for_a_table(tmp_path: Path) -> None:
    found = read(tmp_path, "once, twice\n" + GOOD, "rows.jsonl")
    assert isinstance(found[0], Problem) and found[0].why.startswith("not JSON") and isinstance(found[1], Candidate)


class TestWrongColumns:
    def test_they_are_handed_over_as_values_not_only_as_words(self, tmp_path: Path) -> None:
        with pytest.raises(WrongColumns) as caught:
            read(tmp_path, '{"n": 1, "Question": "q", "answer": "a"}', "rows.jsonl")
        assert caught.value.seen == ("n", "Question", "answer")
        assert caught.value.proposal == "prompt=Question,completion=answer"
        assert caught.value.hint.endswith("--map prompt=Question,completion=answer")

    @pytest.mark.parametrize(
        ("header", "proposal"),
        [
            ("left,right", "prompt=left,completion=right"),
            ("my words,my answer", "prompt=my words,completion=my answer"),
            ("only", ""),
            ('"a=b",c', ""),
            ('"a,b",c', ""),
        ],
    )
    def test_a_proposal_can_be_typed_as_a_mapping_or_is_empty(self, tmp_path: Path, header: str, proposal: str) -> None:
        with pytest.raises(WrongColumns) as caught:
            read(tmp_path, f"{header}\nx,y\n", "rows.csv")
        assert caught.value.proposal == proposal


CHAT = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]


def test_mapping_only_the_task_leaves_chat_messages_readable(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps({"messages": CHAT, "topic": "tone"}), "rows.jsonl", {"task": "topic"})
    assert texts(found) == [("u", "a")] and isinstance(found[0], Candidate) and found[0].task == "tone"


def test_chat_messages_beside_a_copy_of_their_prompt_are_read(tmp_path: Path) -> None:
    assert texts(read(tmp_path, json.dumps({"prompt": "u", "messages": CHAT}), "rows.jsonl")) == [("u", "a")]


def test_a_mapping_is_never_passed_over_for_messages(tmp_path: Path) -> None:
    rows = [{"messages": CHAT, "question": "q"}, {"question": "q", "answer": "a"}]
    mapping = {"prompt": "question", "completion": "answer"}
    found, _ = read(tmp_path, "\n".join(map(json.dumps, rows)), "rows.jsonl", mapping)
    assert isinstance(found, Problem) and (found.field, found.why[:10]) == ("answer", "is missing")


def test_the_bytes_of_an_array_are_heard_of_too(tmp_path: Path) -> None:
    path, heard = tmp_path / "rows.json", list[int]()
    path.write_text(f"[{GOOD}]")
    list(read_file(path, on_bytes=heard.append))
    assert heard == [path.stat().st_size]


@pytest.mark.parametrize("ending", [ending for container in CONTAINERS for ending in container.endings])
@pytest.mark.parametrize("word", ["none", "null", "0", '""', "=1+1", "a\r\nb\rc\n", '"', ",;\t", "[1]", "ế"])
def test_whatever_a_text_says_it_survives_export_and_import(
    store: Store, tmp_path: Path, ending: str, word: str
) -> None:
    """A completion that said none was left out of the file, and its row could not be read again."""
    row = Candidate(word, word, task=word, system=word, split="test", label="reject")
    store.add([row, Candidate("plain", word)], "")
    path = tmp_path / f"rows{ending}"
    export_examples(store, path, [1, 2])
    preview = preview_import(store, [path])
    assert (preview.problems, preview.plan.duplicates) == ([], 2)
    assert preview.candidates == [
        replace(row, source=path.name, line=preview.candidates[0].line),
        Candidate("plain", word, source=path.name, line=preview.candidates[1].line),
    ]


@pytest.mark.parametrize("container", [one for one in CONTAINERS if one.write], ids=lambda one: one.name)
def test_a_container_reads_what_it_writes(container: Container) -> None:
    assert container.write
    records = [{"a": "x,\ny", "b": "1"}, {"a": "second"}]
    text = io.StringIO(newline="")
    container.write(text, records, ("a", "b"))
    raw = io.BytesIO(text.getvalue().encode())
    read_back = [found[1] for found in container.records(raw, "f", None) if not isinstance(found, Problem)]
    kept = [{name: value for name, value in row.items() if value} for row in read_back if isinstance(row, dict)]
    assert kept == records


def test_naming_the_formats_loads_no_heavy_library() -> None:
    code = "import sys, studio.dataset.formats as f; f.described(); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
