"""Reading files: what is accepted, and what is said, with its line, about what is not."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import NoReturn

import pytest

from studio.dataset.formats import json_array, lines, stretch
from studio.dataset.formats.reading import Candidate, Problem, read_file
from studio.errors import AskedWrongly

GOOD = '{"prompt": "p", "completion": "c"}'


def written(tmp_path: Path, content: str | bytes, name: str = "rows.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(
    tmp_path: Path,
    content: str | bytes,
    name: str = "rows.jsonl",
    mapping: dict[str, str] | None = None,
    task: str = "",
) -> list[Candidate | Problem]:
    return list(read_file(written(tmp_path, content, name), mapping, task))


def only_rows(found: list[Candidate | Problem]) -> list[Candidate]:
    rows = [one for one in found if isinstance(one, Candidate)]
    assert len(rows) == len(found), found
    return rows


def only_problem(found: list[Candidate | Problem]) -> Problem:
    problems = [one for one in found if isinstance(one, Problem)]
    assert len(problems) == 1, problems
    return problems[0]


class TestWhatIsAccepted:
    def test_pairs_with_their_optional_fields(self, tmp_path: Path) -> None:
        row = {"prompt": "p", "completion": "c", "task": "tone", "system": "Be brief.", "label": "accept", "id": 7}
        found = read(tmp_path, json.dumps(row) + "\n" + GOOD)
        assert found == [
            Candidate("p", "c", "tone", "Be brief.", "rows.jsonl", 1, "accept"),
            Candidate("p", "c", "", "", "rows.jsonl", 2),
        ]

    def test_a_label_column_of_the_data_s_own_is_no_decision(self, tmp_path: Path) -> None:
        (row,) = only_rows(read(tmp_path, '{"prompt": "p", "completion": "c", "label": "spam"}'))
        assert row.label == "none"

    def test_a_split_column_in_our_words_is_taken_and_any_other_is_the_data_s_own(self, tmp_path: Path) -> None:
        splits = ["train", "validation", "test", "none", "dev", 3, None, "TEST", ["test"]]
        lines = [json.dumps({"prompt": "p", "completion": "c", "split": split}) for split in splits]
        found = read(tmp_path, "\n".join(lines))
        assert [one.split for one in found if isinstance(one, Candidate)] == [
            *("train", "validation", "test", "none"),
            *["none"] * 5,
        ]

    def test_a_split_comes_from_a_mapped_column_from_chat_messages_and_from_csv(self, tmp_path: Path) -> None:
        mapped = read(
            tmp_path,
            '{"q": "p", "a": "c", "part": "test"}',
            mapping={"prompt": "q", "completion": "a", "split": "part"},
        )
        messages = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
        chat = read(tmp_path, json.dumps({"messages": messages, "split": "validation"}))
        table = read(tmp_path, "prompt,completion,split\np,c,train\n", "rows.csv")
        assert [one.split for one in (*mapped, *chat, *table) if isinstance(one, Candidate)] == [
            *("test", "validation", "train"),
        ]

    def test_a_label_that_is_a_number_is_the_data_s_own(self, tmp_path: Path) -> None:
        assert read(tmp_path, '{"prompt": "p", "completion": "c", "label": 1}') == [
            Candidate("p", "c", source="rows.jsonl", line=1)
        ]

    def test_the_task_asked_for_fills_in_where_a_row_names_none(self, tmp_path: Path) -> None:
        found = read(tmp_path, '{"prompt": "p", "completion": "c", "task": "own"}\n' + GOOD, task="given")
        assert [row.task for row in only_rows(found)] == ["own", "given"]

    def test_chat_messages(self, tmp_path: Path) -> None:
        messages = [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "a"},
        ]
        rows = [{"messages": messages, "task": "t"}, {"messages": messages[1:]}]
        found = read(tmp_path, "\n".join(map(json.dumps, rows)))
        assert found == [
            Candidate("u", "a", "t", "s", "rows.jsonl", 1),
            Candidate("u", "a", "", "", "rows.jsonl", 2),
        ]

    def test_a_mapping_and_extra_columns(self, tmp_path: Path) -> None:
        found = read(
            tmp_path,
            '{"question": "q", "answer": "a", "topic": "x"}',
            mapping={"prompt": "question", "completion": "answer"},
        )
        assert found == [Candidate("q", "a", source="rows.jsonl", line=1)]

    def test_byte_order_mark_crlf_blank_lines_and_no_last_newline(self, tmp_path: Path) -> None:
        found = read(tmp_path, "\ufeff" + GOOD + "\r\n\r\n" + GOOD)
        assert [one.line for one in found] == [1, 3]
        assert all(isinstance(one, Candidate) for one in found)

    def test_markup_and_escape_sequences_are_data(self, tmp_path: Path) -> None:
        text = "[bold red]x[/] \x1b[31m \x07 <|im_end|> \u202eabc"
        (row,) = only_rows(read(tmp_path, json.dumps({"prompt": text, "completion": text})))
        assert (row.prompt, row.completion) == (text, text)

    def test_a_json_array_knows_the_line_of_each_element(self, tmp_path: Path) -> None:
        found = read(tmp_path, f'[\n {GOOD},\n\n {GOOD[:-1]},\n  "task": "t"}}\n]\n', "rows.json")
        assert [(row.line, row.task) for row in only_rows(found)] == [(2, ""), (4, "t")]

    def test_csv_rows_stand_where_they_begin_even_with_quoted_newlines(self, tmp_path: Path) -> None:
        content = 'prompt,completion,task\r\n"two\nlines",a,t\r\n"say ""hi""",b,\r\n\r\n"x, y",c,t\r\n'
        found = read(tmp_path, "\ufeff" + content, "rows.csv")
        assert [(row.line, row.prompt, row.completion, row.task) for row in only_rows(found)] == [
            (2, "two\nlines", "a", "t"),
            (4, 'say "hi"', "b", ""),
            (6, "x, y", "c", "t"),
        ]

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_csv_as_spreadsheets_write_it(self, tmp_path: Path, delimiter: str) -> None:
        (row,) = only_rows(read(tmp_path, f"prompt{delimiter}completion\np{delimiter}c\n", "rows.csv"))
        assert row.completion == "c"

    def test_progress_counts_bytes_up_to_the_end(self, tmp_path: Path) -> None:
        path = written(tmp_path, (GOOD + "\n") * 20_000)
        heard: list[int] = []
        assert len(list(read_file(path, on_bytes=heard.append))) == 20_000
        assert heard == sorted(heard) and heard[-1] == path.stat().st_size and len(heard) > 2


JSONL_FAULTS = [
    ("{prompt: 1}", "", "not JSON"),
    ('{"prompt": "p", "completion": "c"', "", "ends in the middle"),
    ("[1, 2]", "", "is a list; an object"),
    ('{"prompt": "p"}', "completion", "is missing; this row has prompt"),
    ('{"prompt": "p", "completion": 42}', "completion", "is a number (42); text is needed"),
    ('{"prompt": null, "completion": "c"}', "prompt", "is null"),
    ('{"prompt": ["p"], "completion": "c"}', "prompt", "is a list"),
    ('{"prompt": "p", "completion": true}', "completion", "is true, a truth value"),
    ('{"prompt": "p", "completion": ""}', "completion", "is empty"),
    ('{"prompt": "p", "completion": " \\n\\t"}', "completion", "only white space"),
    ('{"prompt": "p", "completion": "\\u200b \\ufeff"}', "completion", "invisible"),
    ('{"prompt": "p", "completion": "a\\u0000b"}', "completion", "NUL byte (character 2)"),
    ('{"prompt": "p\x00", "completion": "c"}', "", "NUL byte (byte 14)"),
    ('{"prompt": "\\ud800", "completion": "c"}', "prompt", "half of a surrogate pair (\\ud800"),
    (b'{"prompt": "caf\xe9", "completion": "c"}', "", "invalid UTF-8 (byte 0xe9 at 16)"),
    ('{"prompt": "p", "completion": "c", "task": 3}', "task", "is a number (3)"),
    ('{"prompt": "p", "completion": "c", "n": ' + "9" * 5000 + "}", "", "not usable JSON"),
    ("[" * 100_000, "", "nested too deeply"),
    ('{"messages": "hi"}', "messages", "is a text; a list"),
    ('{"messages": ["hi"]}', "messages", "message 1 is a text"),
    ('{"messages": [{"role": "tool", "content": "x"}]}', "messages", "message 1 has the role 'tool': what a tool"),
    (
        '{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
        "messages",
        "message 1 has a part of 'text'; only text",
    ),
    ('{"messages": [{"role": "user", "content": "u"}]}', "messages", "ends with the user: there is no answer"),
    ('{"messages": []}', "messages", "roles of nobody"),
]


@pytest.mark.parametrize(("line", "field", "why"), JSONL_FAULTS)
def test_a_faulty_line_is_a_problem_with_its_line_and_the_rest_is_read(
    tmp_path: Path, line: str | bytes, field: str, why: str
) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    found = read(tmp_path, GOOD.encode() + b"\n" + raw + b"\n" + GOOD.encode() + b"\n")
    problem = only_problem(found)
    assert (problem.line, problem.field) == (2, field)
    assert why in problem.why
    assert [one.line for one in found] == [1, 2, 3]


def test_a_problem_reads_as_file_line_field_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, GOOD + '\n{"prompt": "p", "completion": ""}\n', "broken.jsonl")
    assert str(only_problem(list(read_file(Path("broken.jsonl"))))) == "broken.jsonl:2: completion: is empty"


def test_a_cut_off_last_line_says_so(tmp_path: Path) -> None:
    problem = only_problem(read(tmp_path, GOOD + "\n" + GOOD[:20]))
    assert problem.line == 2 and "ends in the middle" in problem.why and "copy it again" in problem.hint


def test_a_line_of_50_mb_is_measured_not_held(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.write(GOOD.encode() + b"\n" + b'{"prompt": "')
        for _ in range(50):
            file.write(b"x" * 2**20)
        file.write(b'"}\n' + GOOD.encode() + b"\n")
    tracemalloc.start()
    found = list(read_file(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [one.line for one in found] == [1, 2, 3]
    assert only_problem(found).why == "this line is 50 MB long; at most 8 MB is read"
    assert peak < 24 * 2**20


CSV_FAULTS = [
    ("p", "has 1 columns; the header has 2"),
    ("p,c,d", "has 3 columns"),
    (",c", "is empty"),
    ('"p"x,c', "text follows a closing quote"),
    (b"caf\xe9,c", "invalid UTF-8 (byte 0xe9 at 4)"),
    (b"p\x00,c", "NUL byte"),
]


@pytest.mark.parametrize(("row", "why"), CSV_FAULTS)
def test_a_faulty_csv_row_is_a_problem_and_the_rest_is_read(tmp_path: Path, row: str | bytes, why: str) -> None:
    raw = row if isinstance(row, bytes) else row.encode()
    found = read(tmp_path, b"prompt,completion\n1,a\n" + raw + b"\n2,b\n", "rows.csv")
    assert why in only_problem(found).why
    assert [one.line for one in found] == [2, 3, 4]


def test_a_quote_that_never_closes_costs_one_row_not_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, 'prompt,completion\n1,a\n"2,b\n3,c\n4,d\n', "rows.csv")
    assert (only_problem(found).line, [one.line for one in found]) == (3, [2, 3, 4, 5])
    assert "never closed" in only_problem(found).why


def test_blank_lines_before_the_header_of_a_table_are_passed_over(tmp_path: Path) -> None:
    (row,) = only_rows(read(tmp_path, "\ufeff\r\n \nprompt;completion\np;c\n", "rows.csv"))
    assert (row.prompt, row.completion, row.line) == ("p", "c", 4)


def test_a_quote_that_takes_other_rows_with_it_names_all_their_lines(tmp_path: Path) -> None:
    found = read(tmp_path, 'prompt,completion,task\n1,a,t\n"2,b,t\n3,c,t\n4,d,t"\n5,e,t\n', "rows.csv")
    assert str(only_problem(found)).endswith("rows.csv:3-5: has 1 columns; the header has 3")
    assert [one.line for one in found] == [2, 3, 6]


def test_a_csv_line_that_is_too_long_is_stepped_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    found = read(tmp_path, "prompt,completion\n1,a\n" + "x" * 1000 + ",b\n3,c\n", "rows.csv")
    assert only_problem(found).line == 3 and [one.line for one in found] == [2, 3, 4]


class TestAJsonArray:
    """Every line of it, and whatever follows it, is of a row or of a problem."""

    def read(self, tmp_path: Path, content: str | bytes) -> list[str]:
        """What was read: ``row LINE``, or the problem in words without its file."""
        found = read(tmp_path, content, "rows.json")
        return [f"row {one.line}" if isinstance(one, Candidate) else str(one).split("rows.json:")[1] for one in found]

    def test_a_broken_element_costs_itself(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, f"[\n{GOOD},\n{{bad}},\n{GOOD}]") == [
            "row 2",
            "3: not JSON: expecting property name enclosed in double quotes at column 2",
            "row 4",
        ]

    def test_the_lines_behind_the_array_used_to_vanish(self, tmp_path: Path) -> None:
        found = read(tmp_path, f"[{GOOD}]\n" + (GOOD + "\n") * 999)
        assert [one.line for one in only_rows(found)] == list(range(1, 1001))

    def test_a_second_array_is_read_and_garbage_is_named(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, f"[{GOOD},\n{GOOD}] x\n[{GOOD}][\n{GOOD}\n]\n\n,\n{{\n") == [
            *("row 1", "row 2", "2: follows the end of the array, and is no object", "row 3", "row 4"),
            "7: follows the end of the array, and is no object",
            "8: not JSON: the line ends in the middle of an object",
        ]

    def test_one_that_is_cut_off_says_so(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, f"[\n{GOOD},\n") == [
            "row 2",
            "2: the array that begins on line 1 is never closed",
        ]
        assert self.read(tmp_path, f"[\n{GOOD},\n{GOOD[:-9]}") == [
            "row 2",
            "3: not JSON: the file ends in the middle of this element",
        ]

    def test_a_broken_element_over_several_lines_names_all_of_them(self, tmp_path: Path) -> None:
        pretty = json.dumps([{"prompt": "p", "completion": "c", "more": [{"prompt": "p"}]}] * 3, indent=2)
        broken = pretty.replace('"more": [', '"more" [', 2).replace('"more" [', '"more": [', 1)
        assert self.read(tmp_path, broken) == [
            "row 2",
            "11-19: not JSON: expecting ':' delimiter in line 14 at column 12",
            "row 20",
        ]

    def test_what_is_lost_on_one_long_line_is_said(self, tmp_path: Path) -> None:
        (*_, last) = self.read(tmp_path, f"[{GOOD}, {GOOD[:-1]}, {GOOD}]\n")
        assert last.startswith("1: not JSON: ") and last.endswith("; nothing behind it on its line was read")

    def test_a_comma_that_is_missing_costs_nothing(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, f"[\n{GOOD}\n{GOOD}\n]") == ["row 2", "row 3"]

    def test_a_byte_that_is_not_utf_8_costs_its_element(self, tmp_path: Path) -> None:
        content = f"[\n{GOOD},\n".encode() + b'{"prompt": "caf\xe9", "completion": "c"},\n' + f"{GOOD}]".encode()
        assert self.read(tmp_path, content) == ["row 2", "3: invalid UTF-8 (byte 0xe9 at 16)", "row 4"]

    @pytest.mark.parametrize("element", ["[" * 100_000, '{"n": ' + "9" * 5000 + "}", '{"a": tru}', "{,", '"\\u12"'])
    def test_whatever_is_wrong_with_an_element_the_next_line_is_read(self, tmp_path: Path, element: str) -> None:
        first, problem, last = self.read(tmp_path, f"[\n{GOOD},\n{element}\n{GOOD}\n]")
        assert (first, problem[:7], last) == ("row 2", "3: not ", "row 4")

    def test_any_size_is_read_in_bounded_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.json"
        row = json.dumps({"prompt": "ế" * 200, "completion": "c" * 1000})
        path.write_text("[" + ",\n".join([row] * 20_000) + "]", encoding="utf-8")
        tracemalloc.start()
        count = sum(isinstance(one, Candidate) for one in read_file(path))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == 20_000 and path.stat().st_size > 40e6
        assert peak < 16 * 2**20

    def test_an_element_that_never_ends_is_stepped_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_array, "MAX_LINE_BYTES", 2**20)
        monkeypatch.setattr(stretch, "_CHUNK_BYTES", 2**16)
        long = '{"prompt": "' + "x" * 2**22 + '", "completion": "c"},'
        assert self.read(tmp_path, f"[\n{GOOD},\n{long}\n{GOOD}\n]\n") == [
            *("row 2", "3: this element is longer than 8 MB", "row 4")
        ]

    @pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 64])
    def test_where_the_file_is_cut_into_stretches_makes_no_difference(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
    ) -> None:
        odd = '{"prompt": "\\u00e9 ế", "completion": "c", "n": [1.5e3, -Infinity, true, null, 12]}'
        content = f"[\n{odd},\n  {odd} , 12345, {{bad}}\n  {odd}\n] {GOOD}\n  [{odd}] x"
        whole = self.read(tmp_path, content)
        monkeypatch.setattr(stretch, "_CHUNK_BYTES", chunk_bytes)
        assert self.read(tmp_path, content) == whole
        assert len(whole) == 8


class TestFilesThatCannotBeReadAtAll:
    """AskedWrongly at once, before the first row."""

    def test_missing_folder_and_empty(self, tmp_path: Path) -> None:
        with pytest.raises(AskedWrongly, match="no such file"):
            read_file(tmp_path / "none.jsonl")
        with pytest.raises(AskedWrongly, match="a folder, not a file"):
            read_file(tmp_path)
        for content in (b"", b"\xef\xbb\xbf", b" \n\n"):
            with pytest.raises(AskedWrongly, match="is empty"):
                read_file(written(tmp_path, content))

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_no_permission(self, tmp_path: Path) -> None:
        path = written(tmp_path, GOOD)
        path.chmod(0)
        with pytest.raises(AskedWrongly, match="no permission") as caught:
            read_file(path)
        assert "chmod u+r" in caught.value.hint

    def test_no_permission_is_said_whoever_runs_the_test(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_args: object, **_options: object) -> NoReturn:
            raise PermissionError(13, "Permission denied")

        path = written(tmp_path, GOOD)
        monkeypatch.setattr(os, "open", refused)
        with pytest.raises(AskedWrongly, match="no permission"):
            read_file(path)

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"PAR1....", "not a Parquet file that can be read"),
            (b"\x1f\x8b\x08", "cannot be unpacked"),
            ("ab".encode("utf-16"), "UTF-16"),
            (b"hello", "neither JSONL"),
        ],
    )
    def test_foreign_formats_are_named(self, tmp_path: Path, content: bytes, what: str) -> None:
        with pytest.raises(AskedWrongly, match=what):
            read_file(written(tmp_path, content, "rows.dat"))

    @pytest.mark.parametrize(
        ("content", "name"),
        [
            ('{"question": "q", "answer": "a", "n": 1}\n', "my rows.jsonl"),
            ("n,question,answer\n1,q,a\n", "my rows.csv"),
        ],
    )
    def test_unknown_columns_show_what_to_type(self, tmp_path: Path, content: str, name: str) -> None:
        with pytest.raises(AskedWrongly) as caught:
            read_file(written(tmp_path, content, name))
        assert "no column prompt and completion; it has" in caught.value.message
        assert "question" in caught.value.message
        assert caught.value.hint.endswith(f"/{name}' --map prompt=question,completion=answer")

    def test_a_mapped_column_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(AskedWrongly, match="no column x and y; it has prompt, completion"):
            read_file(written(tmp_path, GOOD), {"prompt": "x", "completion": "y"})

    def test_a_field_nobody_knows(self, tmp_path: Path) -> None:
        with pytest.raises(AskedWrongly, match="answer=x is not a mapping"):
            read_file(written(tmp_path, GOOD), {"answer": "x"})

    def test_a_doubled_csv_column(self, tmp_path: Path) -> None:
        with pytest.raises(AskedWrongly, match="'prompt' is there twice"):
            read_file(written(tmp_path, "prompt,prompt,completion\n", "rows.csv"))


def test_one_odd_row_first_does_not_condemn_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, '{"question": "q"}\n' + GOOD + "\n")
    assert only_problem(found).line == 1 and isinstance(found[1], Candidate)
