"""Fixes: what a check found is sound afterwards, one undo takes all of it back, and what is private stays masked."""

from __future__ import annotations

import numpy as np
import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.checks import CHECKS
from studio.dataset.checks.check import Check
from studio.dataset.checks.completions import EDGE_SPACE
from studio.dataset.checks.duplicates import EXACT_DUPLICATES
from studio.dataset.checks.private import PERSONAL_DATA, SECRETS, entropy, is_card, is_iban
from studio.dataset.checks.residue import HTML_RESIDUE, MOJIBAKE, redecoded
from studio.dataset.checks.samples import masked
from studio.dataset.store import Store
from tests.dataset.undoing import redone, undone

KEY = "AKIAIOSFODNN7EXAMPLE"


def texts(store: Store) -> list[tuple[int, str, str, int]]:
    return [(row.example_id, row.prompt, row.completion, row.revision) for row in store.rows_for()]


def fixed(store: Store, check: Check) -> int:
    finding = store.finding(check)
    assert finding is not None
    return store.fix(check, finding).count


@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check.fix and check not in (MOJIBAKE, HTML_RESIDUE)],
    ids=lambda one: one.name,
)
def test_after_its_fix_a_check_finds_nothing_and_undo_brings_everything_back(store: Store, check: Check) -> None:
    store.add(check.bad, "")
    before = texts(store)
    assert fixed(store, check) > 0 and store.finding(check) is None
    after = texts(store)
    undone(store)
    assert texts(store) == before
    redone(store)
    assert texts(store) == after


def test_a_fix_mends_what_it_can_and_leaves_the_rest_for_a_person(store: Store) -> None:
    rows = [("I donâ€™t see the cafÃ©", "Look."), ("The caf\ufffd is closed", "Yes."), ("Tom &amp; Ann<br>", "&lt;3")]
    store.add([Candidate(*row) for row in rows], "")
    assert fixed(store, MOJIBAKE) == 1 and store.example(1).prompt == "I don’t see the café"
    assert fixed(store, HTML_RESIDUE) == 1
    assert (store.example(3).prompt, store.example(3).completion) == ("Tom & Ann<br>", "<3")


def test_of_duplicates_the_first_stays(store: Store) -> None:
    store.add([Candidate("a?", "b"), Candidate("A?", "b"), Candidate("c?", "d"), Candidate("a? ", "B")], "")
    assert fixed(store, EXACT_DUPLICATES) == 2
    assert [row.example_id for row in store.rows_for()] == [1, 3]
    undone(store)
    assert len(store.rows_for()) == 4


def test_a_fixed_row_is_known_by_its_new_text_and_its_history_says_what_was_done(store: Store) -> None:
    store.add([Candidate("Where?", " Here. "), Candidate("When?", "Now.")], "")
    store.set_text(1, completion="\tThere.")
    fixed(store, EDGE_SPACE)
    example = store.example(1)
    assert (example.completion, example.revision) == ("There.", 3)
    assert store.add([Candidate("Where?", "There.")], "").duplicates == 1
    assert [(edit.old, edit.new) for edit in store.history(1)] == [(" Here. ", "\tThere."), ("\tThere.", "There.")]
    undone(store)
    assert store.example(1).revision == 2


def test_a_preview_changes_nothing_and_counts_all(store: Store) -> None:
    store.add([Candidate(f"p {number}", f" {number}") for number in range(20)], "")
    finding = store.finding(EDGE_SPACE)
    assert finding is not None
    count, first, removed = store.fix_previewed(EDGE_SPACE, finding, 3)
    assert (count, len(first), len(removed)) == (20, 3, 0) and first[0].new_completion == "0"
    assert store.example(1).completion == " 0"


@pytest.mark.soak
def test_a_fix_over_100_000_rows_is_undone_by_one_undo(store: Store) -> None:
    store.add([Candidate(f"p {number}", f" {number}") for number in range(100_000)], "")
    assert fixed(store, EDGE_SPACE) == 100_000
    assert store.example(77_777).completion == "77776"
    assert undone(store).count == 100_000
    assert store.example(77_777).completion == " 77776"


class TestPrivate:
    def test_a_sample_shows_no_more_of_a_secret_than_tells_what_it_is(self, store: Store) -> None:
        store.add([Candidate(f"Use {KEY} and {KEY[:-1]}X to log in", "Done.")], "")
        (sample,) = store.samples(SECRETS, np.array([1]))
        assert (sample.column, sample.part) == ("prompt", "AKI•••••••••••••••••")
        assert KEY[4:] not in sample.before + sample.behind and KEY[4:-1] not in sample.behind
        (whole,) = store.samples(SECRETS, np.array([1]), True)
        assert whole.part == KEY

    def test_the_part_that_offends_is_the_one_that_is_confirmed(self, store: Store) -> None:
        store.add([Candidate("Write to a@example.com or mai@gmail.com", "c")], "")
        (sample,) = store.samples(PERSONAL_DATA, np.array([1]), True)
        assert sample.part == "mai@gmail.com" and sample.before.endswith("a@example.com or ")

    def test_something_short_is_masked_whole(self) -> None:
        assert masked("12345") == "•••••" and masked("1234567") == "123••••"

    @pytest.mark.parametrize(
        ("digits", "is_valid"),
        [
            ("4111111111111111", True),  # Visa's and American Express' test numbers
            ("378282246310005", True),
            ("4111111111111112", False),
            ("0000000000000000", False),
            ("79927398713", False),  # Luhn's own example, but no card has 11 digits
        ],
    )
    def test_cards(self, digits: str, is_valid: bool) -> None:
        assert is_card(digits) is is_valid

    @pytest.mark.parametrize(
        ("text", "is_valid"),
        [
            ("GB82WEST12345698765432", True),  # the registry's examples
            ("DE89370400440532013000", True),
            ("FR1420041010050500013M02606", True),
            ("GB82WEST12345698765433", False),
            ("HELLO", False),
        ],
    )
    def test_ibans(self, text: str, is_valid: bool) -> None:
        assert is_iban(text) is is_valid

    def test_entropy_by_hand(self) -> None:
        assert entropy("aabb") == 1.0 and entropy("abcdefgh") == 3.0 and entropy("") == entropy("aaaa") == 0.0


@pytest.mark.parametrize(
    ("broken", "sound"),
    [
        ("donâ€™t", "don’t"),
        ("cafÃ© crÃ¨me", "café crème"),
        ("Tiáº¿ng Viá»‡t", "Tiếng Việt"),
        ("Â£20", "£20"),
        ("sound café", "sound café"),
        ("cafÃ© beside café", "café beside café"),
        ("Ã", "Ã"),
    ],
)
def test_text_in_the_wrong_encoding_is_read_again_word_by_word(broken: str, sound: str) -> None:
    assert redecoded(broken) == sound
