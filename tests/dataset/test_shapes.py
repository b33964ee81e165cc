"""Every shape that data comes in is known by itself, said before anything is written, and written too."""

from __future__ import annotations

import json
from operator import attrgetter
from pathlib import Path

import pytest

from studio.acts.exporting import export_examples
from studio.acts.importing import preview_import, shapes_said
from studio.dataset.candidates import Candidate, Problem
from studio.dataset.checks.prompts import TRIVIAL_PROMPT
from studio.dataset.formats import SHAPES
from studio.dataset.formats.preference import PREFERENCE
from studio.dataset.formats.reading import WrongColumns, read_file
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.turns import Turn, written

CONTEXT = written([Turn("user", "Hi"), Turn("assistant", "Hello")])
CHAT = [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}]
OTHER = [CHAT[0], {"role": "assistant", "content": "r"}]
HH = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: p\n\nAssistant: "


def read(tmp_path: Path, *records: object, name: str = "rows.jsonl") -> list[Candidate | Problem]:
    path = tmp_path / name
    path.write_text("\n".join(map(json.dumps, records)))
    return list(read_file(path))


@pytest.mark.parametrize(
    ("record", "wanted", "shape"),
    [
        ({"instruction": "p", "input": "", "output": "c"}, Candidate("p", "c"), "Alpaca"),
        ({"instruction": "p", "output": "c", "system": "s"}, Candidate("p", "c", system="s"), "Alpaca"),
        ({"instruction": "p", "input": "i", "output": "c"}, Candidate("p\n\ni", "c"), "Alpaca"),
        (
            {
                "id": 7,
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "Hi"},
                    {"from": "gpt", "value": "Hello"},
                    {"from": "human", "value": "p"},
                    {"from": "gpt", "value": "c"},
                ],
            },
            Candidate("p", "c", system="s", context=CONTEXT),
            "ShareGPT",
        ),
        ({"conversations": CHAT}, Candidate("p", "c"), "ShareGPT"),
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, Candidate("p", "c", rejected="r"), PREFERENCE.name),
        ({"prompt": "p", "chosen": CHAT, "rejected": OTHER}, Candidate("p", "c", rejected="r"), PREFERENCE.name),
        (
            {"prompt": "p", "chosen": CHAT[1:], "rejected": OTHER[1:]},
            Candidate("p", "c", rejected="r"),
            PREFERENCE.name,
        ),
        (
            {"chosen": f"{HH}c", "rejected": f"{HH}r"},
            Candidate("p", "c", context=CONTEXT, rejected="r"),
            PREFERENCE.name,
        ),
        ({"text": "once", "url": "u", "meta": {"a": 1}}, Candidate("", "once"), "plain text"),
        ({"prompt": "p", "completion": "c", "text": "x"}, Candidate("p", "c"), "prompt/completion"),
        ({"messages": CHAT, "task": "t", "label": "accept"}, Candidate("p", "c", "t", label="accept"), "chat messages"),
    ],
)
def test_a_record_is_read_as_what_it_is(
    tmp_path: Path, record: dict[str, object], wanted: Candidate, shape: str
) -> None:
    (found,) = read(tmp_path, record)
    assert isinstance(found, Candidate), found
    assert (found.prompt, found.completion, found.system, found.context, found.rejected, found.task, found.label) == (
        *(wanted.prompt, wanted.completion, wanted.system, wanted.context, wanted.rejected, wanted.task, wanted.label),
    )
    assert found.shape == shape


@pytest.mark.parametrize(
    ("record", "field", "why"),
    [
        ({"instruction": "p", "output": 3}, "output", "is a number (3); text"),
        ({"conversations": "x"}, "conversations", "is a text; a list of messages"),
        (
            {"conversations": [{"from": "observation", "value": "x"}]},
            "conversations",
            "is from 'observation': tool calls",
        ),
        ({"conversations": [{"from": "cat", "value": "x"}]}, "conversations", "is from 'cat'; system, human or gpt"),
        ({"prompt": "p", "chosen": "c", "rejected": " "}, "rejected", "is empty"),
        ({"chosen": "c", "rejected": "r"}, "prompt", "is null; text is needed"),
        (
            {"chosen": CHAT, "rejected": [{"role": "user", "content": "q"}, OTHER[1]]},
            "rejected",
            "another conversation",
        ),
        ({"text": ""}, "completion", "is empty"),
    ],
)
def test_what_is_wrong_with_a_record_is_said_in_the_words_of_its_shape(
    tmp_path: Path, record: dict[str, object], field: str, why: str
) -> None:
    (problem,) = read(tmp_path, record)
    assert isinstance(problem, Problem) and problem.field == field and why in problem.why


def test_a_mixed_file_says_what_was_read_as_what_also_for_each_problem(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "mixed.jsonl"
    records = [{"instruction": "p", "output": "c"}, {"messages": CHAT}, {"messages": []}, {"messages": CHAT[:1]}]
    path.write_text("\n".join([*map(json.dumps, records), "{"]))
    preview = preview_import(store, [path])
    assert shapes_said(preview) == "chat messages 3 · Alpaca 1"
    said = [preview.problem_words(one).partition("mixed.jsonl:")[2] for one in preview.problems]
    assert said == [
        "3: messages: has the roles of nobody; needed: system?, user, assistant, … (read as chat messages)",
        "4: messages: ends with the user: there is no answer to learn (read as chat messages)",
        "5: not JSON: the line ends in the middle of an object",
    ]


@pytest.mark.parametrize("columns", [("text", "label"), ("text", "summary"), ("id", "body")])
def test_a_text_beside_another_text_is_a_pair_to_be_named_not_a_plain_text(
    tmp_path: Path, columns: tuple[str, str]
) -> None:
    for name, content in (
        ("rows.jsonl", json.dumps(dict.fromkeys(columns, "x"))),
        ("rows.csv", ",".join(columns) + "\nx,y\n"),
    ):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(WrongColumns) as refused:
            read_file(path)
        assert refused.value.proposal == f"prompt={columns[0]},completion={columns[1]}"


ROWS = (
    Candidate("p", "c", "tone", "s", label="accept", split="train"),
    Candidate("p", "c", context=CONTEXT, split="test"),
    Candidate("p2", "c", rejected="worse", label="reject"),
    Candidate("", "a plain text\nof two lines", split="validation", label="skip"),
    Candidate('"', "[{", "none", " none "),
)


@pytest.mark.parametrize("shape", [one.word for one in SHAPES if one.write])
@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_what_is_exported_in_any_shape_is_imported_as_the_same_rows(
    tmp_path: Path, store: Store, shape: str, ending: str
) -> None:
    store.add(ROWS, "")
    path = tmp_path / f"rows{ending}"
    if shape in ("messages", "sharegpt") and ending == ".csv":
        with pytest.raises(AskedWrongly, match="CSV has no room for"):
            export_examples(store, path, [1], shape=shape)
        return
    assert export_examples(store, path, range(1, len(ROWS) + 1), shape=shape) == len(ROWS)
    again = preview_import(store, [path])
    assert (again.problems, again.plan.added, again.plan.duplicates) == ([], 0, len(ROWS))
    with Store.open(tmp_path / "other.duckdb", "bo") as other:
        other.add(again.candidates, "")
        fields = ("prompt", "completion", "system", "context", "rejected", "task", "label", "split")
        texts = [[attrgetter(*fields)(row) for row in one.rows_for()] for one in (store, other)]
    assert texts[0] == texts[1]


def test_plain_texts_are_told_apart_by_themselves_and_are_no_trivial_prompts(store: Store) -> None:
    """Of equal, empty prompts all would land in one split, and each would contradict the others."""
    store.add([Candidate("", f"text {number}") for number in range(200)], "")
    store.assign_splits(0.2, 0.2)
    splits = store.stats().splits
    assert all(splits[name] > 20 for name in ("train", "validation", "test"))
    assert store.finding(TRIVIAL_PROMPT) is None
