"""The store: labelling, editing, importing, and taking each of them back."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import LABELS, PREVIEW_CHARS, SPLITS, Change, Interrupted, Store
from studio.errors import AskedWrongly
from tests.dataset.six_examples import SIX
from tests.dataset.undoing import redone, undone


def test_importing_the_store_does_not_load_duckdb() -> None:
    code = (
        "import sys, studio.dataset.store, studio.dataset.formats.reading, studio.dataset.filters;"
        "sys.exit('duckdb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestImporting:
    def test_adds_each_pair_once(self, store: Store) -> None:
        again = [*SIX, SIX[0], Candidate(" Where is my parcel?\r\n", SIX[0].completion, "tickets")]
        planned = store.plan_add(again)
        assert (planned.added, planned.duplicates, store.stats().examples) == (6, 2, 0)
        added = store.add(again, "six.jsonl")
        assert (added.added, added.duplicates) == (6, 2)
        assert store.view_ids().tolist() == [1, 2, 3, 4, 5, 6]
        assert store.add(SIX, "six.jsonl").batch_id == 0

    def test_case_and_system_tell_pairs_apart(self, store: Store) -> None:
        base = Candidate("p", "c", "t", "s")
        others = [Candidate("P", "c", "t", "s"), Candidate("p", "C", "t", "s"), Candidate("p", "c", "t", "")]
        assert store.add([base, *others], "").added == 4

    def test_the_same_pairs_under_another_task_doubled_the_data(self, filled: Store) -> None:
        again = [replace(one, task="another") for one in SIX]
        for added in (filled.plan_add(again), filled.add(again, "six.jsonl")):
            assert (added.added, added.duplicates, added.of_another_task) == (0, 6, 6)
        assert filled.stats().examples == 6

    def test_of_pairs_under_several_tasks_the_first_is_added_and_the_others_are_counted(self, store: Store) -> None:
        pairs = [Candidate("p", "c", task) for task in ("a", "b", "a", "b", 'c"\n')]
        added = store.add([*pairs, Candidate("q", "c", "b")], "")
        assert (added.added, added.duplicates, added.of_another_task) == (2, 4, 3)
        assert [(row.prompt, row.task) for row in store.rows_for()] == [("p", "a"), ("q", "b")]
        again = store.plan_add([Candidate("p", "c", "a"), Candidate("p", "c", "b")])
        assert (again.duplicates, again.of_another_task) == (2, 1)

    def test_composed_and_decomposed_letters_are_the_same(self, store: Store) -> None:
        assert (
            store.add(
                [Candidate("Ti\u1ebfng Vi\u1ec7t", "c"), Candidate("Tie\u0302\u0301ng Vie\u0323\u0302t", "c")], ""
            ).added
            == 1
        )

    def test_a_corrected_row_does_not_come_back_with_its_file(self, filled: Store) -> None:
        filled.set_text(1, completion="corrected")
        assert filled.add(SIX, "six.jsonl").added == 0
        assert filled.add([Candidate(SIX[0].prompt, "corrected", "tickets")], "").added == 0

    def test_a_row_in_the_trash_does_not_come_back_with_its_file(self, filled: Store) -> None:
        filled.remove([1])
        assert filled.add(SIX, "six.jsonl").added == 0

    def test_undo_takes_a_whole_import_back_and_the_file_can_be_imported_again(self, filled: Store) -> None:
        change = undone(filled)
        assert (change.summary, change.count) == ("import 6 examples from six.jsonl", 6)
        assert filled.stats().examples == 0
        assert filled.add(SIX, "six.jsonl").added == 6
        assert filled.view_ids().tolist() == [7, 8, 9, 10, 11, 12]
        assert filled.redo() is None

    def test_the_edit_log_gets_no_row_per_imported_example(self, filled: Store) -> None:
        assert filled.history(1) == [] and filled.example(1).edit_count == 0

    def test_texts_are_stored_as_they_are(self, store: Store) -> None:
        texts = [
            "[red]x[/red]",
            "\x1b[31mred\x07",
            "'; DROP TABLE examples; --",
            '{"a": "\\u0041"}',
            "a\u2028b\r\nc\t ",
            "x" * 9_000_000,
        ]
        store.add(
            [Candidate(text, f"{n}{text}", note) for n, (text, note) in enumerate(zip(texts, "abcdef", strict=True))],
            "",
        )
        assert [example.prompt for example in store.examples(store.view_ids())] == texts
        assert [example.completion for example in store.examples(store.view_ids())] == [
            f"{n}{t}" for n, t in enumerate(texts)
        ]

    def test_source_line_and_label_come_along(self, store: Store) -> None:
        store.add([Candidate("p", "c", source="a.jsonl", line=7, label="accept"), Candidate("q", "c", line=3)], "b")
        first, second = store.examples([1, 2])
        assert (first.source, first.source_line, first.label) == ("a.jsonl", 7, "accept")
        assert (second.source, second.source_line, second.label) == ("b", 3, "none")


class TestLabelling:
    def test_one_label_is_one_undo_step(self, filled: Store) -> None:
        change = filled.set_label([2], "accept")
        assert (change.summary, change.count, change.example_ids.tolist()) == ("accept 1 example", 1, [2])
        assert filled.example(2).label == "accept"
        assert filled.undo() == change and filled.example(2).label == "none"
        assert filled.redo() == change and filled.example(2).label == "accept"

    def test_a_bulk_act_is_one_undo_step_and_brings_back_what_was(self, filled: Store) -> None:
        filled.set_label([1], "reject")
        change = filled.set_label(filled.view_ids(), "accept")
        assert (change.summary, change.count) == ("accept 6 examples", 6)
        filled.undo()
        assert [filled.example(one).label for one in (1, 2)] == ["reject", "none"]

    def test_nothing_changed_is_no_step(self, filled: Store) -> None:
        filled.set_label([1, 2], "skip")
        assert filled.set_label([1, 2], "skip") == Change(0, "nothing to change")
        assert filled.set_label([], "skip").count == 0
        assert undone(filled).summary == "skip 2 examples"

    def test_a_new_act_puts_what_was_undone_out_of_reach(self, filled: Store) -> None:
        filled.set_label([1], "accept")
        filled.set_label([2], "accept")
        filled.undo()
        filled.undo()
        filled.set_label([3], "reject")
        assert filled.redo() is None
        filled.undo()
        assert redone(filled).example_ids.tolist() == [3]
        assert [filled.example(one).label for one in (1, 2, 3)] == ["none", "none", "reject"]

    def test_undo_and_redo_survive_closing_the_store(self, filled: Store, store_path: Path) -> None:
        filled.set_label([1], "accept")
        filled.set_label([2], "reject")
        filled.undo()
        filled.close()
        with Store.open(store_path, "anna") as again:
            assert redone(again).summary == "reject 1 example"
            assert [undone(again).summary for _ in range(3)][-1].startswith("import 6")
            assert again.undo() is None and again.stats().examples == 0

    @pytest.mark.parametrize(
        ("ids", "label", "said"),
        [
            ([1], "good", "no label"),
            ([1, 99], "accept", "no example 99"),
            (["1"], "accept", "not a list of example ids"),  # what the types forbid a script may still do
        ],
    )
    def test_a_wrong_request_changes_nothing(self, filled: Store, ids: list[int], label: str, said: str) -> None:
        with pytest.raises(AskedWrongly, match=said):
            filled.set_label(ids, label)
        assert filled.stats().labels["none"] == 6

    def test_more_rows_than_fit_in_a_statement(self, store: Store) -> None:
        store.add([Candidate(f"p{n}", "c") for n in range(3_000)], "")
        ids = store.view_ids()
        assert store.set_label(ids[::-1], "accept").count == 3_000
        assert undone(store).count == 3_000 and redone(store).count == 3_000
        assert store.stats().labels == {"accept": 3_000, "reject": 0, "skip": 0, "none": 0}
        assert [one.example_id for one in store.previews(ids[2_999:0:-1])] == ids[2_999:0:-1].tolist()

    def test_when_labels_were_decided_lately_undone_ones_and_marks_not_counted(self, filled: Store) -> None:
        filled.set_label([1, 2], "accept")
        filled.set_label([2], "reject")
        filled.set_label([3], "skip")
        filled.set_label([3], "none")
        filled.set_label([4], "skip")
        filled.undo()
        filled.set_mark([5], True)
        assert len(filled.labelling_times(3600)) == 4
        assert filled.labelling_times(-1) == []


class TestEditing:
    def test_an_edit_is_a_new_revision_and_a_line_of_history(self, filled: Store) -> None:
        before = datetime.now(UTC)
        filled.set_label([1], "accept")
        change = filled.set_text(1, completion="mended")
        assert change.summary == "edit the completion of example 1"
        example = filled.example(1)
        assert (example.completion, example.revision, example.label) == ("mended", 2, "accept")
        assert (example.edit_count, example.last_edit_who) == (2, "anna")
        assert example.last_edit_at is not None
        assert before <= example.last_edit_at <= datetime.now(UTC) and example.last_edit_at.utcoffset() == timedelta(0)
        edits = filled.history(1)
        assert [(one.field, one.old, one.new, one.who) for one in edits] == [
            ("label", "none", "accept", "anna"),
            ("completion", SIX[0].completion, "mended", "anna"),
        ]
        filled.undo()
        assert [one.is_undone for one in filled.history(1)] == [False, True]
        assert filled.example(1).edit_count == 1

    def test_both_texts_at_once_are_one_act(self, filled: Store) -> None:
        assert filled.set_text(1, "p", "c").summary == "edit the prompt and completion of example 1"
        assert filled.example(1).edit_count == 1 and filled.example(1).revision == 2
        filled.undo()
        assert (filled.example(1).prompt, filled.example(1).revision) == (SIX[0].prompt, 1)

    def test_a_revision_names_one_text_for_ever(self, filled: Store) -> None:
        filled.set_text(1, completion="two")
        filled.undo()
        filled.set_text(1, completion="three")
        assert filled.example(1).revision == 3
        filled.undo()
        assert filled.example(1).revision == 1

    def test_the_same_text_is_no_edit(self, filled: Store) -> None:
        assert filled.set_text(1, prompt=SIX[0].prompt).batch_id == 0
        assert filled.set_text(1, SIX[0].prompt, "new").summary == "edit the completion of example 1"

    @pytest.mark.parametrize("text", ["", " \u200b", "a\x00", "\ud800"])
    def test_a_text_that_cannot_be_learned_is_refused(self, filled: Store, text: str) -> None:
        with pytest.raises(AskedWrongly, match="The completion"):
            filled.set_text(1, completion=text)
        assert filled.example(1).revision == 1

    def test_marks_carry_a_note(self, filled: Store) -> None:
        filled.set_mark([1, 2], True, "ask Ben")
        filled.set_mark([1], True)
        assert (filled.example(1).is_marked, filled.example(1).note) == (True, "ask Ben")
        filled.set_mark([1], False)
        assert (filled.example(1).is_marked, filled.example(1).note) == (False, "")
        filled.undo()
        assert filled.example(1).note == "ask Ben" and filled.view_ids(search="ask ben").tolist() == [1, 2]

    def test_the_trash_hides_and_undo_brings_back(self, filled: Store) -> None:
        assert filled.remove([1, 2]).summary == "remove 2 examples"
        assert filled.view_ids().tolist() == [3, 4, 5, 6] and filled.stats().examples == 4
        assert filled.previews([1, 3])[0].example_id == 3
        with pytest.raises(AskedWrongly, match="no example 1"):
            filled.example(1)
        filled.undo()
        assert filled.stats().examples == 6


class TestViews:
    def test_filter_search_and_sort(self, filled: Store) -> None:
        filled.set_label([2, 4], "accept")
        assert filled.view_ids("label = 'accept'").tolist() == [2, 4]
        assert filled.view_ids("task = 'tone'", sort=[("prompt", True)]).tolist() == [6, 5, 4]
        assert filled.view_ids(sort=(("task", True), ("example_id", True))).tolist() == [6, 5, 4, 3, 2, 1]
        assert filled.view_ids(search="LAMP").tolist() == [2]
        assert filled.view_ids("task = 'tone'", search="one word").tolist() == [4, 5]
        assert filled.view_ids().dtype == "int64"

    def test_search_takes_signs_as_they_are_and_finds_both_writings_of_a_letter(self, store: Store) -> None:
        store.add(
            [
                Candidate("100% sure_", "c"),
                Candidate("100 sure", "c"),
                Candidate("tie\u0302\u0301ng", "c"),
                Candidate("灯坏了", "c"),
            ],
            "",
        )
        assert store.view_ids(search="0% SURE_").tolist() == [1]
        assert store.view_ids(search="\u1ebfNG").tolist() == [3]
        assert store.view_ids(search="坏").tolist() == [4]
        assert store.view_ids(search="' OR 1=1 --").tolist() == []
        assert store.view_ids(search="\ud800").tolist() == []

    def test_an_unknown_sort_column_is_refused(self, filled: Store) -> None:
        with pytest.raises(AskedWrongly, match="'is_removed; --' is no column"):
            filled.view_ids(sort=[("is_removed; --", False)])

    def test_previews_come_in_the_order_asked_and_short(self, store: Store) -> None:
        store.add([Candidate("ế" * 500, "c" * 500), Candidate("short", "c")], "")
        second, first = store.previews([2, 1])
        assert (second.prompt, first.prompt, first.completion) == ("short", "ế" * PREVIEW_CHARS, "c" * PREVIEW_CHARS)
        assert first.total_tokens is None and store.previews([]) == []

    def test_stats_have_every_key(self, filled: Store) -> None:
        stats = filled.stats()
        assert list(stats.labels) == list(LABELS) and list(stats.splits) == list(SPLITS)
        assert stats.tasks == {"tickets": 3, "tone": 3} and stats.examples == 6

    def test_stats_of_an_empty_store(self, store: Store) -> None:
        assert store.stats().examples == 0 and store.stats().tasks == {}
        assert store.view_ids().tolist() == [] and store.undo() is None and store.redo() is None

    def test_rows_to_freeze(self, filled: Store) -> None:
        filled.set_label([1, 4], "accept")
        chosen = filled.rows_for(tasks=["tickets"], labels=["accept", "none"], where="example_id <> 2")
        assert [row.example_id for row in chosen] == [1, 3]
        assert filled.rows_for("train") == [] and len(filled.rows_for()) == 6
        with pytest.raises(AskedWrongly, match="'dev' is no split"):
            filled.rows_for("dev")

    def test_interrupt_stops_a_running_query_and_the_store_goes_on(self, store: Store) -> None:
        store.add([Candidate(f"{n} " + "ab " * 300, "c") for n in range(4_000)], "")
        started, outcome = threading.Event(), []

        def search() -> None:
            started.set()
            try:
                store.view_ids("regexp_matches(prompt, '(a.*){9}(b.*){9}z')")
            except Interrupted as error:
                outcome.append(error)

        thread = threading.Thread(target=search)
        thread.start()
        started.wait()
        while thread.is_alive():
            store.interrupt()
            thread.join(0.01)
        assert len(outcome) == 1 and len(store.view_ids()) == 4_000

    def test_threads_read_while_one_writes(self, filled: Store) -> None:
        seen: list[int] = []
        readers = [threading.Thread(target=lambda: seen.append(len(filled.view_ids("task <> 'x'")))) for _ in range(4)]
        for reader in readers:
            reader.start()
        for number in range(10):
            filled.set_label([1], LABELS[number % 4])
        for reader in readers:
            reader.join()
        assert seen == [6] * 4


class TestTokenCounts:
    def count(self, store: Store, fingerprint: str) -> int:
        done = 0
        for batch in store.uncounted(fingerprint):
            ids, revisions, prompts, completions, *_ = zip(*batch, strict=True)
            lengths = [len(p) for p in prompts], [len(c) for c in completions]
            store.save_counts(fingerprint, ids, revisions, *lengths, [sum(pair) for pair in zip(*lengths, strict=True)])
            done += len(batch)
        return done

    def test_only_what_changed_is_counted_again(self, filled: Store) -> None:
        assert filled.uncounted_total("a") == 6 and self.count(filled, "a") == 6
        assert filled.uncounted_total("a") == 0 and self.count(filled, "a") == 0
        filled.set_label([1], "accept")
        filled.set_text(2, completion="x")
        filled.remove([3])
        assert filled.counts("a")[0].tolist() == [1, 4, 5, 6]
        assert self.count(filled, "a") == 1
        ids, prompt_tokens, completion_tokens = filled.counts("a")
        assert (ids.tolist(), prompt_tokens[1], completion_tokens[1]) == ([1, 2, 4, 5, 6], len(SIX[1].prompt), 1)

    def test_undo_of_an_edit_finds_its_old_count_again_and_a_new_edit_does_not(self, filled: Store) -> None:
        self.count(filled, "a")
        filled.set_text(2, completion="x")
        self.count(filled, "a")
        filled.undo()
        assert filled.uncounted_total("a") == 0
        filled.set_text(2, completion="yy")
        assert filled.uncounted_total("a") == 1

    def test_each_tokenizer_has_its_own_and_the_newest_is_filtered_by(self, filled: Store) -> None:
        self.count(filled, "a")
        filled.save_counts("b", [1], [1], [1000], [1], [1001])
        assert filled.view_ids("total_tokens > 1000").tolist() == []
        assert list(filled.uncounted("b")) and filled.view_ids("total_tokens > 1000").tolist() == [1]
        assert filled.previews([1])[0].total_tokens == 1001
        assert filled.previews([1], "a")[0].total_tokens == len(SIX[0].prompt + SIX[0].completion)
        assert filled.view_ids(sort=[("total_tokens", True)]).tolist()[0] == 1
        assert filled.view_ids("total_tokens IS NULL").tolist() == [2, 3, 4, 5, 6]


class TestSplits:
    def test_shares_are_kept_and_every_row_has_a_split(self, store: Store) -> None:
        store.add([Candidate(f"question {n}", "c") for n in range(2_000)], "")
        change = store.assign_splits(0.1, 0.2, seed=0)
        splits = store.stats().splits
        assert change.summary == "assign splits to 2,000 examples" and splits["none"] == 0
        assert 160 <= splits["test"] <= 240 and 350 <= splits["validation"] <= 450

    def test_equal_prompts_stay_together_and_new_rows_move_no_old_one(self, store: Store) -> None:
        store.add([Candidate(f"question {n}", "c") for n in range(200)], "")
        store.assign_splits(0.3, 0.3, seed=1)
        before = {row.example_id: row.split for row in store.rows_for()}
        store.add([Candidate(f"  QUESTION\n{n} ", "other") for n in range(400)], "")
        store.assign_splits(0.3, 0.3, seed=1)
        rows = store.rows_for()
        assert {row.example_id: row.split for row in rows[:200]} == before
        assert [row.split for row in rows[200:400]] == list(before.values())

    def test_a_split_comes_along_with_an_import_and_goes_with_its_undo(self, store: Store) -> None:
        store.add([Candidate("p", "c", split="test"), Candidate("q", "c")], "")
        assert [row.split for row in store.rows_for()] == ["test", "none"]
        store.undo()
        assert store.stats().splits["test"] == 0

    def test_keeping_assigned_splits_gives_one_to_the_other_rows_in_one_undo_step(self, store: Store) -> None:
        store.add([Candidate(f"given {n}", "c", split="test") for n in range(50)], "")
        store.add([Candidate(f"new {n}", "c") for n in range(50)], "")
        change = store.assign_splits(0, 0, keep_assigned=True)
        assert change.summary == "assign splits to 50 examples"
        assert [row.split for row in store.rows_for()] == ["test"] * 50 + ["train"] * 50
        store.undo()
        assert store.stats().splits == {"train": 0, "validation": 0, "test": 50, "none": 50}

    def test_rows_in_no_split_are_counted_by_task_so_that_advice_says_to_split(self, store: Store) -> None:
        store.add([Candidate(f"new {n}", "c", "chats") for n in range(3)], "")
        assert store.task_splits() == {"chats": {"": 3}}
        store.assign_splits(0, 0)
        assert store.task_splits() == {"chats": {"train": 3}}

    def test_a_row_without_a_split_follows_the_rows_of_its_prompt(self, store: Store) -> None:
        """Else the prompt of an imported test row would be trained on under another answer."""
        store.add([Candidate("one?", "a", split="test"), Candidate(" ONE?", "b"), Candidate("two?", "a")], "")
        store.add([Candidate("both?", "a", split="train"), Candidate("both?", "b", split="validation")], "")
        store.add([Candidate("both?", "c")], "")
        store.assign_splits(0, 0, keep_assigned=True)
        assert [row.split for row in store.rows_for()] == [
            *("test", "test", "train"),
            *("train", "validation", "validation"),
        ]

    def test_undo_brings_the_old_split_back(self, filled: Store) -> None:
        filled.assign_splits(0.4, 0.3)
        filled.undo()
        assert filled.stats().splits["none"] == 6

    @pytest.mark.parametrize(("test", "validation"), [(-0.1, 0.1), (0.1, 1.0), (0.6, 0.4), (float("nan"), 0.1)])
    def test_senseless_shares_are_refused(self, filled: Store, test: float, validation: float) -> None:
        with pytest.raises(AskedWrongly):
            filled.assign_splits(test, validation)
