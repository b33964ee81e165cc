"""Checks: each finds its bad rows and leaves its good ones, and what it says of them is right."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check, DatasetCheck, Finding, Scope, Severity
from studio.dataset.checks.duplicates import CONTRADICTORY_DUPLICATES, EXACT_DUPLICATES, accuracy_ceiling
from studio.dataset.checks.prompts import TRIVIAL_PROMPT
from studio.dataset.checks.rows import Around, Need
from studio.dataset.store import Interrupted, Store

ROOT = Path(__file__).resolve().parents[2]
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
SOUND = [Candidate(f"How late is parcel {number * 7919 % 100_003:05}?", f"{number} days.") for number in range(200)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("bench") / "studio.duckdb", "anna") as store:
        yield store


@pytest.fixture
def bench(shared: Store) -> Store:
    """One store for the example rows of all checks, and empty: opening one for each takes most of their time."""
    emptied(shared)
    return shared


def emptied(store: Store) -> None:
    while store.stats().examples:
        store.undo()


def found(store: Store, check: Check, rows: Sequence[Candidate], *, is_bad: bool = False) -> Finding | None:
    """What ``check`` finds in a store of ``rows`` alone; with what the last ones need to be ``is_bad`` done to them."""
    assert store.add(rows, "examples").added == len(rows)
    ids = store.view_ids()
    if Need.TOKENS in check.needs or check.name == "stale_counts":
        count_words(store)
    if Need.CLUSTERS in check.needs:
        store.find_near()
    if Need.LOSSES in check.needs:
        hard = [5.0 if is_bad and example_id > ids[-1] - len(check.bad) else 0.5 for example_id in ids]
        store.keep_losses(ids.tolist(), hard, hard)
    if check.name == "stale_counts" and is_bad:
        for example_id in ids.tolist():
            store.set_text(example_id, completion="another")
    return store.finding(check, around=Around(max_length=512))


def found_then_undone(
    store: Store, check: Check, rows: Sequence[Candidate], *, is_bad: bool = False
) -> tuple[Finding | None, list[int]]:
    """What ``check`` finds in ``rows``, and the ids that they had."""
    finding = found(store, check, rows, is_bad=is_bad)
    ids = store.view_ids().tolist()
    emptied(store)
    return finding, ids


def count_words(store: Store) -> None:
    """Count a token for every word."""
    for batch in store.uncounted("words"):
        prompts, completions = ([len(str(row[column]).split()) for row in batch] for column in (2, 3))
        store.save_counts(
            "words", [row[0] for row in batch], [row[1] for row in batch], prompts, completions, [1] * len(batch)
        )


def ids_of(finding: Finding | None) -> set[int]:
    return set(finding.example_ids.tolist()) if finding else set()


class TestEveryCheck:
    @each_check
    def test_finds_all_of_its_bad_rows_and_none_of_its_good_ones(self, bench: Store, check: Check) -> None:
        beside = check.beside if isinstance(check, DatasetCheck) else ()
        finding, ids = found_then_undone(bench, check, [*beside, *check.bad], is_bad=True)
        assert finding is not None and finding.check == check.name
        if not isinstance(check, DatasetCheck) or len(finding.example_ids):
            assert sorted(ids_of(finding)) == ids[len(beside) :]
        assert finding.sentence.endswith(".") and "\n" not in finding.sentence and "|" not in finding.sentence
        assert finding.example_ids.dtype == "int64"
        groups = [group.tolist() for group in finding.groups]
        assert bool(groups) == (check.scope is Scope.GROUP)
        assert all(len(group) > 1 for group in groups)
        assert not groups or [one for group in groups for one in group] == finding.example_ids.tolist()
        assert found_then_undone(bench, check, check.good)[0] is None

    @pytest.mark.parametrize(
        "check", [check for check in CHECKS if not isinstance(check, DatasetCheck)], ids=lambda check: check.name
    )
    def test_finds_its_bad_rows_among_many_sound_ones_and_not_once_they_are_rejected(
        self, bench: Store, check: Check
    ) -> None:
        finding = found(bench, check, [*check.bad, *SOUND])
        bad = bench.view_ids().tolist()[: len(check.bad)]
        assert sorted(ids_of(finding)) == bad
        bench.set_label(bad[:1], "skip")
        bench.set_label(bad[1:-1], "reject")
        bench.remove(bad[-1:])
        bench.find_near()
        assert bench.finding(check) is None

    @each_check
    def test_finds_nothing_in_an_empty_store_and_stops_when_it_is_cancelled(self, bench: Store, check: Check) -> None:
        assert bench.finding(check) is None
        with pytest.raises(Interrupted):
            bench.finding(check, is_cancelled=lambda: True)

    @each_check
    def test_is_described_for_people(self, check: Check) -> None:
        assert re.fullmatch("[a-z]+(_[a-z]+)*", check.name) and check.version >= 1
        for words in (check.about, check.harms):
            assert words[0].isupper() and words.endswith(".")
        assert check.bad and check.good

    def test_has_a_name_of_its_own(self) -> None:
        assert len({check.name for check in CHECKS}) == len(CHECKS)


class TestDuplicates:
    def test_equal_system_prompts_written_differently_are_equal(self, store: Store) -> None:
        rows = [Candidate("p", "c", system="Be brief."), Candidate("p", "c", system=" be  brief.")]
        assert ids_of(found(store, EXACT_DUPLICATES, rows)) == {1, 2}

    def test_two_pairs_under_one_prompt_are_two_groups_and_a_contradiction(self, store: Store) -> None:
        rows = [Candidate(prompt, answer) for answer in ("yes", "no") for prompt in ("p?", "P?")]
        exact = found(store, EXACT_DUPLICATES, rows)
        assert exact is not None
        assert [group.tolist() for group in exact.groups] == [[1, 2], [3, 4]]
        assert exact.sentence == "4 rows in 2 groups are the same pair again: 2 of them add nothing new."
        contradictory = store.finding(CONTRADICTORY_DUPLICATES)
        assert contradictory is not None
        assert [group.tolist() for group in contradictory.groups] == [[1, 2, 3, 4]]

    def test_a_row_edited_into_another_is_found(self, filled: Store) -> None:
        assert filled.finding(EXACT_DUPLICATES) is None
        filled.set_text(2, "Where is my parcel?", '{"intent": "track"}')
        assert ids_of(filled.finding(EXACT_DUPLICATES)) == {1, 2}

    def test_rejecting_one_side_settles_a_contradiction(self, store: Store) -> None:
        assert found(store, CONTRADICTORY_DUPLICATES, [Candidate("p", "a"), Candidate("P", "b")])
        store.set_label([2], "reject")
        assert store.finding(CONTRADICTORY_DUPLICATES) is None

    @pytest.mark.parametrize(
        ("total", "answers", "ceiling"),
        [
            (0, [], 1.0),
            (10, [], 1.0),
            (10, [[1, 1]], 0.9),
            (10, [[2, 1], [1, 1, 1]], 0.7),
            (4, [[2, 2]], 0.5),
            (1000, [[600, 400]], 0.6),
        ],
    )
    def test_the_ceiling_is_what_the_commonest_answers_reach(
        self, total: int, answers: list[list[int]], ceiling: float
    ) -> None:
        assert accuracy_ceiling(total, answers) == pytest.approx(ceiling, abs=1e-12)

    def test_the_ceiling_of_a_small_set_in_words(self, store: Store) -> None:
        """20 rows: three answers 2-1-1 lose 2, two answers 1-1 lose 1; 17 of 20 is 85 %."""
        rows = [Candidate("a?", "x", task="1"), Candidate("A?", "x"), Candidate("a?", "y"), Candidate("a?", "z")]
        rows += [Candidate("b?", "x"), Candidate("b?", "y")]
        rows += [Candidate(f"other {number}", "x") for number in range(14)]
        finding = found(store, CONTRADICTORY_DUPLICATES, rows)
        assert finding is not None
        assert finding.sentence == (
            "6 rows in 2 groups share a prompt but not its completion; a model that answers equal prompts equally "
            "matches at most 85.0 % of all 20 rows."
        )

    def test_one_contradiction_in_many_rows_is_never_rounded_up_to_100_percent(self, store: Store) -> None:
        rows = [Candidate("p", "a"), Candidate("P", "b"), *(Candidate(f"other {n}", "x") for n in range(3_000))]
        finding = found(store, CONTRADICTORY_DUPLICATES, rows)
        assert finding is not None
        assert "at most 99.9 % of all 3,002 rows" in finding.sentence


@pytest.mark.parametrize("prompt", ["N/A", " n/a ", "[TODO]", "None", "test", "testing 3", "?!", "\u200d.", "Xxxx"])
def test_prompts_that_ask_nothing(store: Store, prompt: str) -> None:
    finding = found(store, TRIVIAL_PROMPT, [Candidate(prompt, "c")])
    assert finding is not None
    assert finding.sentence == "1 row has a prompt that asks nothing: a placeholder, or only punctuation."


@pytest.mark.parametrize(
    "prompt", ["no", "ok", "1", "C++", "텍스트", "a b", "نعم", "😀", "test the lamp", "null and void"]
)
def test_short_prompts_that_are_prompts(store: Store, prompt: str) -> None:
    assert found(store, TRIVIAL_PROMPT, [Candidate(prompt, "c")]) is None


class TestNeeds:
    def needing(self, *needs: Need) -> Check:
        return replace(TRIVIAL_PROMPT, needs=needs)

    def test_a_check_that_needs_nothing_lacks_nothing(self, filled: Store) -> None:
        assert filled.lacking(TRIVIAL_PROMPT) == ()

    def test_splits_are_lacking_until_every_row_has_one(self, filled: Store) -> None:
        assert filled.lacking(self.needing(Need.SPLITS)) == (Need.SPLITS,)
        filled.assign_splits()
        assert filled.lacking(self.needing(Need.SPLITS)) == ()

    def test_tokens_are_lacking_until_every_row_s_present_text_is_counted(self, filled: Store) -> None:
        tokens = self.needing(Need.TOKENS, Need.SPLITS)
        assert filled.lacking(tokens) == (Need.TOKENS, Need.SPLITS)
        for batch in filled.uncounted("f"):
            ids, revisions = [row[0] for row in batch], [row[1] for row in batch]
            filled.save_counts("f", ids, revisions, [1] * len(ids), [1] * len(ids), [1] * len(ids))
        assert filled.lacking(tokens) == (Need.SPLITS,)
        filled.set_text(1, completion="new")
        assert filled.lacking(tokens) == (Need.TOKENS, Need.SPLITS)


def test_cancelling_stops_a_long_look_at_texts(store: Store) -> None:
    store.add([Candidate(f"{n % 5_000}", f"{n}") for n in range(10_000)], "")
    asked: list[int] = []

    def is_cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Interrupted):
        store.finding(CONTRADICTORY_DUPLICATES, is_cancelled)
    assert len(asked) == 4


def test_severities_are_ordered_worst_first() -> None:
    assert Severity.ERROR.is_at_least(Severity.WARNING) and Severity.WARNING.is_at_least(Severity.WARNING)
    assert not Severity.INFO.is_at_least(Severity.WARNING)


def checks_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks_page", ROOT / "docs" / "checks_page.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_the_checks_is_that_of_the_code() -> None:
    made = checks_page().page()
    assert (ROOT / "docs" / "checks.md").read_text(encoding="utf-8") == made, "stale: python docs/checks_page.py"
    assert all(f"## {check.name}" in made for check in CHECKS)
