"""Near prompts: what is planted is found, what is found is near, and an edit computes only what it can change."""

from __future__ import annotations

import json

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.near import clusters
from studio.dataset.near.shingles import NEAR, bands_of, jaccard, shingles
from studio.dataset.store import Interrupted, Store
from tests.dataset.near_rows import planted, similarity

LAMP = "I bought a desk lamp from you in the spring and since last week it flickers whenever somebody walks past it"
PHONE = "My phone has been switching itself off since Monday although its battery shows ninety percent in the morning"


@pytest.fixture
def desk(store: Store) -> Store:
    """Rows 1 and 2 are near, 3 is alone, 4 and 5 are near."""
    store.add([Candidate(text, "c") for text in (LAMP, f"Hello, {LAMP}", "Where is it?", PHONE, f"{PHONE}!")], "")
    store.find_near()
    return store


def near(store: Store) -> list[list[int]]:
    found = {tuple(store.near(example_id).tolist()) for example_id in store.view_ids().tolist()}
    return sorted(list(group) for group in found if len(group) > 1)


def test_similarity_by_hand() -> None:
    """``a b c d e f`` has 7 pieces of 5 characters and 5 pairs of words, the other one ends otherwise in 1 and 1."""
    one, other = shingles("A b c d e f"), shingles("a  b c d e g")
    assert len(one) == len(other) == 12
    assert jaccard(one, other) == pytest.approx(10 / 14)
    assert jaccard(one, other) == pytest.approx(similarity("a b c d e f", "a b c d e g"))
    assert shingles("hi") == {"hi"} and jaccard(shingles("hi"), shingles("ho")) == 0


def test_planted_duplicates_are_found_and_nothing_else_is(store: Store) -> None:
    rows, pairs = planted(pairs=60, alone=300)
    store.add(rows, "")
    store.find_near()
    joined = near(store)
    similar = [(a + 1, b + 1) for a, b, share in pairs if share >= NEAR]
    found = [pair for pair in similar if list(pair) in joined]
    assert len(similar) >= 20 and len(found) >= 0.95 * len(similar)
    assert all(similarity(rows[a - 1].prompt, rows[b - 1].prompt) >= NEAR for a, b in joined)


@pytest.mark.soak
def test_planted_duplicates_among_100_000_rows(store: Store) -> None:
    rows, pairs = planted(pairs=2_000, alone=96_000)
    store.add(rows, "")
    store.find_near()
    joined = {tuple(group) for group in near(store)}
    similar = [(a + 1, b + 1) for a, b, share in pairs if share >= NEAR]
    assert sum(pair in joined for pair in similar) >= 0.95 * len(similar)
    assert all(similarity(rows[a - 1].prompt, rows[b - 1].prompt) >= NEAR for a, b in joined)


def test_bands_are_the_same_in_every_process_and_of_equal_prompts() -> None:
    bands = bands_of([LAMP, f" {LAMP.upper()} ", PHONE])
    assert (bands[0] == bands[1]).all() and not (bands[0] == bands[2]).any()
    assert bands[0][:2].tolist() == bands_of([LAMP])[0][:2].tolist()


def test_what_all_prompts_of_a_task_begin_with_makes_none_of_them_near(store: Store) -> None:
    order = "Say in one word what the customer wants from the shop, as briefly as you can.\n\n"
    words = [
        "lamp",
        "phone",
        "mouse",
        "router",
        "printer",
        "cable",
        "screen",
        "tablet",
        "charger",
        "speaker",
        "laptop",
        "camera",
        "keyboard",
    ]
    store.add([Candidate(f"{order}{one} {two}", "c") for one in words for two in words[:2]], "")
    store.find_near()
    assert near(store) == []


def test_short_texts_that_the_prompts_of_a_template_surround_are_not_near_for_that(store: Store) -> None:
    """A third of such rows were leakage between splits, and no run could start. One text in two prompts still is."""
    prompts = ("Classify this text. Answer with the label alone.\n\n{}", "{}\n\nWhich label fits? The label alone.")
    texts = [f"My {one} is {two}" for one in ("lamp", "phone", "mouse") for two in ("broken", "late", "loud")]

    def made(text: str, prompt: str) -> Candidate:
        raw = json.dumps({"id": 7, "text": text, "label": "calm"})
        return Candidate(prompt.format(text), "calm", template="classify", raw=raw)

    rows = [made(text, prompts[number % 2]) for number, text in enumerate(texts)]
    store.add([*rows, made(texts[0], prompts[1])], "")
    store.find_near()
    assert near(store) == [[1, 10]]


class TestAfterAChange:
    def test_an_edited_row_leaves_its_cluster_and_joins_another(self, desk: Store) -> None:
        assert near(desk) == [[1, 2], [4, 5]]
        desk.set_text(2, prompt=f"Hello, {PHONE}")
        desk.find_near()
        assert near(desk) == [[2, 4, 5]]
        desk.undo()
        desk.find_near()
        assert near(desk) == [[1, 2], [4, 5]]

    def test_a_row_in_the_trash_is_near_to_none_until_it_comes_back(self, desk: Store) -> None:
        desk.remove([4])
        desk.find_near()
        assert near(desk) == [[1, 2]]
        desk.undo()
        desk.find_near()
        assert near(desk) == [[1, 2], [4, 5]]

    def test_a_link_that_goes_parts_what_it_joined(self, store: Store) -> None:
        ends = [LAMP, f"{LAMP} when it is dark", f"Good morning! {LAMP} when it is dark"]
        store.add([Candidate(text, "c") for text in ends], "")
        store.find_near()
        assert similarity(ends[0], ends[2]) < NEAR and near(store) == [[1, 2, 3]]
        store.set_text(2, prompt="Where is it?")
        store.find_near()
        assert near(store) == []

    def test_only_changed_rows_get_bands(self, desk: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        signed: list[int] = []

        def seen(texts: list[str]) -> object:
            signed.append(len(texts))
            return bands_of(texts)

        monkeypatch.setattr(clusters, "bands_of", seen)
        desk.find_near()
        desk.set_label([1], "accept")
        desk.find_near()
        assert signed == []
        desk.set_text(3, prompt="Where is the lamp?")
        desk.find_near()
        assert signed == [1]


def test_it_stops_when_it_is_cancelled_and_goes_on_where_it_was(store: Store) -> None:
    store.add([Candidate(f"{LAMP} {number}", "c") for number in range(10)], "")
    with pytest.raises(Interrupted):
        store.find_near(is_cancelled=lambda: True)
    store.find_near()
    assert near(store) == [list(range(1, 11))]
