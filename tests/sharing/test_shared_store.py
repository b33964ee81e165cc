"""One store, several open at once: what one does the others see, whichever of them has the file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studio.dataset.checks import CHECKS
from studio.dataset.checks.rows import Around
from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Interrupted, Store
from studio.errors import AskedWrongly, StoreHeld, StudioError
from studio.sharing import there
from studio.sharing.calls import KNOWN
from studio.sharing.opening import LOCK_NAME, SOCKET_NAME, open_store
from studio.sharing.there import There
from studio.sharing.wire import Gone
from tests.dataset.six_examples import SIX
from tests.dataset.undoing import undone


def test_a_label_of_a_script_is_there_for_the_studio_and_carries_its_name(anna: Store, bo: Store) -> None:
    assert bo.set_label([1, 2], "accept").count == 2
    assert [(edit.new, edit.who) for edit in anna.history(1)] == [("accept", "bo")]
    anna.set_label([1], "reject")
    assert bo.example(1).label == "reject"
    assert undone(bo).kept == 1, "the row that Anna decided since is hers"


def test_an_import_an_export_and_a_window_check_work_from_outside(anna: Store, bo: Store) -> None:
    rows = [Candidate(f"Frage {number} ✓" * 90, "Antwort", task="viele") for number in range(2_100)]
    assert bo.plan_add([*rows, SIX[0]]).duplicates == 1
    assert bo.add(rows, "viele.jsonl").added == 2_100
    assert len(bo.rows_for(tasks=["viele"])) == 2_100 == anna.stats().tasks["viele"]
    batches = list(bo.uncounted("model"))
    assert sum(map(len, batches)) == 2_106
    ids = [row[0] for row in batches[0]]
    ones = [1] * len(ids)
    bo.save_counts("model", ids, ones, ones, ones, ones)
    assert anna.uncounted_total("model") == 2_106 - len(ids)


ASKED: list[Callable[[Store], Any]] = [
    lambda store: store.view_ids("length(prompt) > 3", "a", [("task", True), ("total_tokens", False)]),
    lambda store: store.values("labelled_at"),
    lambda store: store.values("label", "true", [1, 2, 3], "c", 1),
    lambda store: store.values("is_marked", among=np.array([1, 2])),
    lambda store: store.previews([3, 1, 99]),
    lambda store: store.previews(np.array([2]), "before"),
    lambda store: store.examples([2, 2, 1]),
    lambda store: store.rows_for("train", [SIX[0].task], ["accept", "none"], "true"),
    lambda store: store.history(1),
    lambda store: store.stats(),
    lambda store: store.labelling_times(3600),
    lambda store: [asdict(found) for check in CHECKS if (found := store.finding(check))],
    lambda store: [sorted(vars(one)) for one in store.check(CHECKS[:3], Around(5), is_new_look=False)],
    lambda store: [(one.check.name, one.finding and asdict(one.finding)) for one in store.checked(CHECKS, Around())],
    lambda store: [one.waiver and asdict(one.waiver) for one in store.checked(CHECKS, Around())],
    lambda store: [store.lacking(check) for check in CHECKS],
    lambda store: store.plan_add(SIX),
    lambda store: store.decisions(),
    lambda store: store.labelled_anew([4, 5], "accept"),
    lambda store: store.counts("before"),
    lambda store: store.shot_tokens("before"),
    lambda store: store.uncounted_total("before"),
    lambda store: store.uncounted_ids("before"),
    lambda store: store.texts_to_count([1, 2]),
    lambda store: store.all_versions(),
    lambda store: store.test_locks(),
    lambda store: store.version("before"),
    lambda store: asdict(store.version_diff("before")),
    lambda store: store.version_ids("before"),
    lambda store: store.version_examples("before", [1, 2]),
    lambda store: store.examples_as_of(datetime.now(UTC), [1, 2]),
    lambda store: store.newest_change(),
]


def test_from_outside_every_question_has_the_answer_that_the_owner_gets(anna: Store, bo: Store) -> None:
    anna.create_version("before")
    anna.set_label([1], "accept")
    bo.set_label([2], "reject")
    anna.set_mark([3], True, "see")
    anna.assign_splits(0.3, 0.3, 1)
    anna.save_counts("before", [1, 3], [1, 1], [4, 5], [6, 7], [8, 9])
    anna.add([*SIX[:2], Candidate(SIX[0].prompt, "other")], "again")
    for number, question in enumerate(ASKED):
        own, theirs = question(anna), question(bo)
        if number == ASKED.index(ASKED[10]):  # each asks for the own times
            assert len(own) == len(theirs) == 1
        else:
            np.testing.assert_equal(theirs, own)
            assert type(theirs) is type(own)


def test_from_outside_every_act_does_what_it_does_at_the_owner(anna: Store, bo: Store) -> None:
    assert bo.set_text(1, completion="new\n\u202e text").count == bo.set_mark([1], True, "note").count == 1
    assert (anna.example(1).completion, anna.example(1).note) == ("new\n\u202e text", "note")
    assert bo.send_back({2: "look again", 3: "and here"}).count == 2 and anna.example(3).note == "and here"
    assert bo.remove([6]).count == 1 and anna.stats().examples == 5
    assert bo.assign_splits(0.5, 0.2, 3, keep_assigned=True).count == 5
    assert undone(bo).count == 5
    redone = bo.redo()
    assert redone is not None and redone.example_ids.tolist() == [1, 2, 3, 4, 5]
    bo.keep_losses([1, 2], [0.5, 2.0], [1.0, float("nan")])
    assert anna.view_ids("loss = 0.5").tolist() == [1]
    assert [one.check for one in bo.check(CHECKS, Around(9))] == list(CHECKS)
    bo.waive(CHECKS[0], np.array([1, 2]), "they are meant")
    assert {one.check.name: one.waiver.who for one in anna.checked(CHECKS, Around(9)) if one.waiver} == {
        CHECKS[0].name: "bo"
    }
    assert bo.create_version("clean") == anna.version("clean") == bo.freeze_version(bo.newest_change())
    assert [bo.lock_test_set(), bo.unlock_test_set("why")] == anna.test_locks()
    bo.remove([5])
    bo.find_near()
    bo.remove([4])
    bo.find_near()
    assert anna.near(2).tolist() == [2]
    edged = next(check for check in CHECKS if check.name == "edge_space")
    anna.set_text(2, completion=" spaced ")
    finding = bo.finding(edged)
    assert finding is not None and bo.samples(edged, finding.rows)[0].part == " "
    assert bo.fix_previewed(edged, finding, 1)[0] == bo.fix(edged, finding).count == 1
    assert anna.example(2).completion == "spaced"
    assert bo.replace_texts("rewrite", [(1, "other?", "other"), (3, "third?", "third")]).count == 2
    assert anna.example(3).completion == "third"
    assert bo.rename_task(anna.example(1).task, "renamed").count and anna.example(1).task == "renamed"
    bo.count_by("other")
    assert anna.uncounted_ids("x")[1] == "other"
    tried = {"set_label", "set_text", "set_mark", "remove", "assign_splits", "undo", "redo", "keep_losses"}
    tried |= {
        "count_by",
        "save_counts",
        "add_hashed",
        "waive",
        "save_checks",
        "send_back",
        "fix",
        "replace_texts",
        "rename_task",
        "create_version",
        "lock_test_set",
        "unlock_test_set",
        "freeze_version",
    }
    tried |= {"keep_bands", "keep_clusters", "forget_bands_of_removed"}
    assert {name for name, known in KNOWN.items() if known.method.is_write} == tried, "a new act wants a test here"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda store: store.set_label([99], "accept"),
        lambda store: store.set_label([1], "fine"),
        lambda store: store.set_text(1, completion=" "),
        lambda store: store.view_ids("label = 'fine'"),
        lambda store: store.view_ids("(SELECT 1)"),
        lambda store: store.view_ids(sort=[("length", False)]),
        lambda store: store.assign_splits(2, 3),
        lambda store: store.example(77),
        lambda store: store.set_label(["one"], "accept"),
    ],
)
def test_what_is_asked_wrongly_is_said_as_at_the_owner(anna: Store, bo: Store, wrong: Callable[[Store], Any]) -> None:
    said = []
    for store in (anna, bo):
        with pytest.raises(AskedWrongly) as caught:
            wrong(store)
        said.append((caught.value.message, caught.value.hint))
    assert said[0] == said[1]


def test_half_a_character_cannot_be_sent_and_says_so(bo: Store) -> None:
    with pytest.raises(AskedWrongly, match="surrogates"):
        bo.set_text(1, completion="\ud83d")
    assert bo.example(1).revision == 1


def test_one_who_interrupts_stops_nobody_else(anna: Store, bo: Store, store_path: Path) -> None:
    with open_store(store_path, "cy") as cy:
        rows = [Candidate(f"{number} " * 400, "c") for number in range(6_000)]
        anna.add(rows, "long")
        slow = " OR ".join(f"regexp_matches(prompt, '({number}.*){{9}}x')" for number in range(8))
        outcomes: dict[str, str] = {}

        def look(store: Store) -> None:
            try:
                outcomes[store.who] = str(len(store.view_ids(slow)))
            except StudioError as error:
                outcomes[store.who] = type(error).__name__

        threads = [threading.Thread(target=look, args=(store,)) for store in (bo, cy)]
        for thread in threads:
            thread.start()
        while threads[0].is_alive():
            bo.interrupt()
        assert outcomes["bo"] == "Interrupted"
        cy.interrupt()
        for thread in threads:
            thread.join()


def test_a_check_that_is_left_in_the_middle_stops_at_the_owner(bo: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(there, "_CANCEL_POLL_SECONDS", 0.001)
    with pytest.raises(Interrupted):
        while True:
            bo.finding(CHECKS[0], lambda: True)


def test_a_change_is_heard_by_the_others_as_it_happens(anna: Store, bo: Store) -> None:
    before = anna.heard(-1, 0)
    assert before.told == [] and not before.is_gap
    heard: list[Any] = []
    waiting = threading.Thread(target=lambda: heard.append(anna.heard(before.upto, 20)))
    waiting.start()
    bo.set_label([4, 2], "skip")
    waiting.join()
    (told,) = heard[0].told
    assert (told.who, told.origin, told.count, told.example_ids.tolist()) == ("bo", bo.origin, 2, [2, 4])
    anna.set_label([1], "skip")
    assert [one.who for one in bo.heard(heard[0].upto, 20).told] == ["anna"]
    assert bo.heard(heard[0].upto + 1, 0).told == []


class TestWhenTheOwnerLeaves:
    def test_another_has_the_file_and_nobody_loses_anything(self, anna: Store, bo: Store, store_path: Path) -> None:
        with open_store(store_path, "cy") as cy:
            bo.set_label([1], "accept")
            anna.close()
            assert cy.example(1).label == "accept" and bo.set_label([2], "reject").count == 1
            assert cy.example(2).label == "reject"
            assert undone(bo).summary == "reject 1 example"

    def test_one_who_waits_for_changes_hears_that_there_may_be_some(self, anna: Store, bo: Store) -> None:
        before = bo.heard(-1, 0)
        anna.set_label([1], "accept")
        anna.close()
        after = bo.heard(before.upto, 0)
        assert after.is_gap and bo.heard(after.upto, 0) == after.__class__(after.upto, [])

    def test_a_closed_store_says_so_and_lets_go(self, anna: Store, bo: Store, store_path: Path) -> None:
        bo.close()
        anna.close()
        for store in (anna, bo):
            store.close()
            with pytest.raises(StudioError, match="Stopped"):
                store.stats()
        assert not store_path.with_name(SOCKET_NAME).exists()
        with Store.open(store_path, "alone") as alone:
            assert alone.stats().examples == 6

    def test_an_act_whose_answer_was_lost_is_done_once(
        self, anna: Store, bo: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The owner is killed after the act is on disk and before it says so."""
        bo.set_label([1], "accept")
        real = There._next

        def lost(self: There, *arguments: Any, **named: Any) -> Any:
            real(self, *arguments, **named)
            monkeypatch.setattr(There, "_next", real)
            anna.close()
            raise Gone

        with monkeypatch.context():
            monkeypatch.setattr(There, "_next", lost)
            change = bo.add([Candidate("new", "row")], "once")
        assert (change.added, change.duplicates) == (1, 0), "asked for again it would be known already"
        assert bo.stats().examples == 7
        assert undone(bo).summary.startswith("import 1") and undone(bo).summary == "accept 1 example"


def test_a_folder_that_is_renamed_while_it_is_open_goes_on_until_its_owner_leaves(
    anna: Store, bo: Store, store_path: Path
) -> None:
    moved = store_path.parent.with_name("moved")
    store_path.parent.rename(moved)
    assert bo.set_label([1], "accept").count == 1 and anna.example(1).label == "accept"
    with open_store(moved / store_path.name, "cy") as cy:
        assert cy.set_label([2], "accept").count == 1
        anna.close()
        assert cy.stats().labels["accept"] == 2
        with pytest.raises(StudioError, match="moved, renamed or removed while the store was open"):
            bo.stats()
    moved.rename(store_path.parent)
    assert bo.stats().labels["accept"] == 2


def test_a_long_answer_is_waited_for_while_its_owner_takes_nobody_new(
    anna: Store, bo: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked whether it still lives, an owner that closes seemed gone, and its answer was thrown away."""
    monkeypatch.setattr(there, "ASK_AGAIN_SECONDS", 0.001)
    before = bo.heard(-1, 0).upto
    store_path.with_name(SOCKET_NAME).unlink()
    assert bo.heard(before, 0.2).told == []


class TestWhereItCannotBeShared:
    def test_what_a_lock_of_the_dead_says_keeps_nobody_out(self, store_path: Path) -> None:
        store_path.with_name(LOCK_NAME).write_text('{"pid": 1, "host": "elsewhere", "why_alone": ""}')
        with open_store(store_path, "anna") as anna:
            assert anna.stats().examples == 0, "nobody holds the lock: what it says is old"

    def test_a_folder_that_takes_no_socket_is_worked_in_alone_and_the_next_hears_why(
        self, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuses(path: Path) -> None:
            raise OSError(95, "Operation not supported")

        with monkeypatch.context() as on_a_share:
            on_a_share.setattr("studio.sharing.socket_file.listening", refuses)
            anna = open_store(store_path, "anna")
        with anna:
            assert anna.add(SIX, "six").added == 6
            with pytest.raises(StoreHeld, match="takes no socket: Operation not supported") as caught:
                open_store(store_path, "bo")
            assert "Close the studio there" in caught.value.hint

    def test_another_machine_that_has_it_is_named(self, anna: Store, store_path: Path) -> None:
        store_path.with_name(SOCKET_NAME).unlink()
        store_path.with_name(LOCK_NAME).write_text('{"pid": 7, "host": "gpu-2", "why_alone": ""}')
        with pytest.raises(StoreHeld, match="process 7 on gpu-2; only processes of one machine") as caught:
            open_store(store_path, "bo")
        assert caught.value.pid is None

    def test_another_version_is_not_let_in(
        self, anna: Store, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(there, "PROTOCOL", "1:other")
        with pytest.raises(StoreHeld, match="another version of tune-studio"):
            open_store(store_path, "bo")
        assert anna.set_label([1], "accept").count == 1


def test_a_long_path_is_no_hindrance_and_two_projects_are_two_stores(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 90) / ("b" * 90)
    deep.mkdir(parents=True)
    with open_store(deep / "studio.duckdb", "anna") as anna, open_store(deep / "studio.duckdb", "bo") as bo:
        anna.add(SIX, "six")
        assert bo.stats().examples == 6
        with open_store(tmp_path / "studio.duckdb", "bo") as other:
            assert other.stats().examples == 0
