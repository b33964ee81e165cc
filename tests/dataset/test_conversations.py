"""A conversation is one example: read from a file, stored, known again, split, searched, and written out as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.acts.exporting import export_examples
from studio.acts.importing import preview_import
from studio.dataset.candidates import Candidate, Problem
from studio.dataset.formats.reading import read_file
from studio.dataset.store import Store
from studio.dataset.texts import pair_hash, prompt_hash
from studio.turns import Turn, written

TURNS = (Turn("user", "My lamp is broken."), Turn("assistant", "Shall we mend it?"))
CONTEXT = written(TURNS)


def messages(*said: tuple[str, object]) -> str:
    return json.dumps({"messages": [{"role": role, "content": content} for role, content in said]})


def read(tmp_path: Path, *lines: str) -> list[Candidate | Problem]:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    return list(read_file(path))


def test_the_last_answer_is_the_completion_and_the_turns_before_are_context(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        messages(("developer", "Be kind."), *TURNS, ("user", "Yes."), ("assistant", "Done.")),
        messages(("assistant", "How can I help?"), ("user", "Yes."), ("assistant", "Done.")),
        messages(("user", [{"type": "text", "text": "Y"}, {"type": "text", "text": "es."}]), ("assistant", "Done.")),
    )
    greeting = written([Turn("assistant", "How can I help?")])
    assert found == [
        Candidate("Yes.", "Done.", "", "Be kind.", "rows.jsonl", 1, context=CONTEXT),
        Candidate("Yes.", "Done.", source="rows.jsonl", line=2, context=greeting),
        Candidate("Yes.", "Done.", source="rows.jsonl", line=3),
    ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([*TURNS, ("user", "Yes.")], "ends with the user: there is no answer to learn"),
        ([("user", "a"), ("user", "b"), ("assistant", "c")], "messages 1 and 2 are both of the user"),
        ([("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c")], "messages 2 and 3 are both of the user"),
        ([*TURNS, ("assistant", "b"), ("user", "b"), ("assistant", "c")], "messages 2 and 3 are both of the assistant"),
        ([("user", "a"), ("assistant", "b"), ("assistant", "c")], "has the roles user, assistant, assistant; needed"),
        ([*TURNS, ("system", "s"), ("user", "b"), ("assistant", "c")], "message 3 is of the system; only the first"),
        ([("user", "a"), ("assistant", " "), ("user", "b"), ("assistant", "c")], "message 2 (assistant) is empty"),
        ([("user", "a"), ("assistant", None)], "message 2 has as its content null; text is needed"),
        ([("user", [{"type": "image_url"}]), ("assistant", "b")], "message 1 has a part of 'image_url'; only text"),
        ([("user", "a"), ("tool", "b"), ("assistant", "c")], "message 2 has the role 'tool': what a tool answers"),
    ],
)
def test_a_conversation_that_cannot_be_learned_says_which_message_is_why(
    tmp_path: Path, said: list[tuple[str, object]], why: str
) -> None:
    (problem,) = read(tmp_path, messages(*said))
    assert isinstance(problem, Problem) and why in problem.why


def test_a_tool_call_is_refused_by_name(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    (problem,) = read(tmp_path, json.dumps({"messages": [{"role": "user", "content": "a"}, call]}))
    assert isinstance(problem, Problem) and problem.why == "message 2 has tool_calls, which are not read"
    assert problem.hint.startswith("Write the call and its result as text")


def test_a_column_of_the_datas_own_that_is_called_context_is_none_of_ours(tmp_path: Path) -> None:
    own = ["a passage", '[{"role":"user","content":"x"}]', "[{", ["a"], 3, [{"role": "assistant", "content": ""}]]
    found = read(tmp_path, *(json.dumps({"prompt": "p", "completion": "c", "context": one}) for one in own))
    assert [one.context for one in found if isinstance(one, Candidate)] == [""] * len(own)


def test_it_goes_through_the_store_and_out_again_as_it_was(tmp_path: Path) -> None:
    rows = [
        Candidate("Yes.", "Done.", context=CONTEXT),
        Candidate("Yes.", "Done.", label="accept", split="test"),
        Candidate("Yes.", "Done.", system="Be kind.", context=written([Turn("assistant", 'a "b"\n\u2028\x1b[1m Tôi')])),
    ]
    with Store.open(tmp_path / "studio.duckdb", "anna") as store:
        assert store.add([*rows, rows[0]], "talk").added == 3, "another conversation, another pair"
        assert [row.context for row in store.rows_for()] == [row.context for row in rows]
        assert len({row.prompt_hash for row in store.rows_for()}) == 3, "and another prompt: splits tell them apart"
        assert store.view_ids("context <> ''").tolist() == [1, 3]
        assert store.view_ids(search="BROKEN").tolist() == [1]
        for name in ("rows.jsonl", "rows.csv"):
            export_examples(store, tmp_path / name, [1, 2, 3])
            again = preview_import(store, [tmp_path / name])
            assert (again.problems, again.plan.added, again.plan.duplicates) == ([], 0, 3)
            assert [one.context for one in again.candidates] == [row.context for row in rows]
    assert json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])["context"][0]["role"] == "user"


def test_rows_without_turns_keep_the_hashes_that_they_had_before_there_were_turns() -> None:
    """Else every old row would be new again, and prompts would change their split."""
    assert prompt_hash("Where  is IT? ") == "44545e97ff734404b590f020b30fa6e7"
    assert pair_hash("Where is it?", "Here.", "") == "444dc7a7d42da0a92a22bcb2e0c4ff31"
    others = (prompt_hash("Yes."), prompt_hash("Yes.", CONTEXT.replace("lamp", "cat")))
    assert prompt_hash("Yes.", CONTEXT) not in others
    assert pair_hash("Yes.", "Done.", "", CONTEXT) != pair_hash("Yes.", "Done.", "")
