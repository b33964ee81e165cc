"""What examples in the prompt cost: counted as they are rendered, where rows have a system prompt too."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.acts import window
from studio.acts.training import frozen
from studio.acts.window import check_window
from studio.dataset.candidates import Candidate
from studio.dataset.migrations import MIGRATIONS
from studio.dataset.store import Example, Store
from studio.runs.arms.few_shot import shots_by_hash
from studio.runs.directory import FrozenRow
from studio.tokens.encoding import Pair, encode_pairs, encode_prompts, pair_of, prompt_text
from studio.tokens.stop_proof import encode_named
from studio.tokens.template import INSTRUCTION_TEMPLATE
from studio.tokens.tokenizer import ModelFolder
from tests.tiny_model import CHAT_TEMPLATE, write_tokenizer

# SmolLM2's and others' way: a system message of its own where a conversation brings none.
DEFAULT_SYSTEM_TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}"
    "{% endif %}" + CHAT_TEMPLATE
)
TEMPLATES = {
    "chat template": CHAT_TEMPLATE,
    "with a system message of its own": DEFAULT_SYSTEM_TEMPLATE,
    "instructions, for a base model": INSTRUCTION_TEMPLATE,
}


@pytest.fixture(scope="module", params=TEMPLATES.values(), ids=list(TEMPLATES))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    folder = tmp_path_factory.mktemp("model")
    write_tokenizer(folder)
    (folder / "chat_template.jinja").write_text(request.param)
    (folder / "config.json").write_text('{"model_type": "tiny", "max_position_embeddings": 2048}')
    return ModelFolder(folder)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "studio.duckdb", "anna") as opened:
        yield opened


def rendered_tokens(model: ModelFolder, rows: list[Example], shots: Sequence[Example | FrozenRow]) -> list[int]:
    """Prompt tokens of every row as a comparison asks it, with these shots before the question."""
    turns = list(map(pair_of, shots))
    return [len(ids) for ids in encode_prompts(model, [prompt_text(model, r.prompt, r.system, turns) for r in rows])]


def all_rows(store: Store) -> list[Example]:
    return store.examples(store.view_ids())


LONG_SYSTEM = "You sort the mail of a shop. " * 12
CANDIDATES = [
    Candidate(f"where is order {n}, it has not arrived", f"on its way {n}", system=LONG_SYSTEM) for n in range(12)
]


def test_shots_of_rows_with_a_system_prompt_are_counted_as_they_are_rendered(model: ModelFolder, store: Store) -> None:
    """Five shots were said to cost the system prompt five times: 3,121 tokens where 1,452 were rendered."""
    store.add(CANDIDATES, "")
    report = check_window(store, model, 512, shots=(0, 1, 12))
    rows = all_rows(store)
    alone, _, full = (cost for cost in report.shots if cost.shots in (0, 1, 12))
    assert alone.prompt_tokens_mean == mean(rendered_tokens(model, rows, []))
    assert full.prompt_tokens_mean == pytest.approx(mean(rendered_tokens(model, rows, rows)))
    one_by_one = [mean(rendered_tokens(model, rows, [shot])) for shot in rows]
    assert next(cost for cost in report.shots if cost.shots == 1).prompt_tokens_mean == pytest.approx(mean(one_by_one))


def test_the_shots_that_fit_and_the_rows_that_do_not_go_by_the_same_cost(model: ModelFolder, store: Store) -> None:
    store.add(
        [Candidate(f"where is order {n}, it has not arrived", "on its way", system=LONG_SYSTEM) for n in range(900)], ""
    )
    report = check_window(store, model, 512, shots=())
    rows = all_rows(store)
    longest = max(rows, key=lambda row: row.example_id)
    pair = encode_pairs(model, [Pair(longest.prompt, longest.completion, longest.system)])[0]

    def fits(shots: int) -> bool:
        return rendered_tokens(model, [longest], rows[-shots:])[0] + pair.completion_tokens <= model.context_window

    assert 10 < report.max_shots < 900
    assert fits(report.max_shots - 1) and not fits(report.max_shots + 2)
    beyond = check_window(store, model, 512, shots=(report.max_shots + 2,))
    assert beyond.shots[-1].rows_that_no_longer_fit > 0.05 * len(rows)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(texts, texts, st.one_of(st.just(""), texts)), min_size=1, max_size=8),
    count=st.integers(0, 8),
)
def test_the_mean_over_rows_is_that_of_really_rendered_prompts(
    model: ModelFolder, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], count: int
) -> None:
    """With the very shots that a comparison would choose, whichever rows have a system prompt."""
    path = tmp_path_factory.mktemp("store") / "studio.duckdb"
    with Store.open(path, "anna") as store:
        store.add([Candidate(prompt, completion, system=system) for prompt, completion, system in rows], "")
        report = check_window(store, model, 512, shots=(0,))
        examples = all_rows(store)
        shots = shots_by_hash(frozen(examples), count, 0)
        cost_of = dict(zip((row.example_id for row in examples), store.shot_tokens(model.fingerprint), strict=True))
    expected = report.shots[0].prompt_tokens_mean + sum(int(cost_of[shot.example_id]) for shot in shots)
    assert mean(rendered_tokens(model, examples, shots)) == pytest.approx(expected)


def test_the_second_check_counts_nothing_and_loads_no_tokenizer(
    model: ModelFolder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(CANDIDATES, "")
    first = check_window(store, model, 512)
    monkeypatch.setattr("studio.acts.window.encode_named", None)
    again = check_window(store, ModelFolder(model.path), 512)
    assert again.to_dict() == first.to_dict()
    assert "tokenizer" not in vars(ModelFolder(model.path))


def test_counts_of_an_older_studio_are_made_anew_once(
    model: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not say what a row costs as a shot; until then their totals go on standing in the table."""
    path = tmp_path / "studio.duckdb"
    with Store.open(path, "anna") as store:
        store.add(CANDIDATES, "")
        expected = check_window(store, model, 512).to_dict()
    import duckdb

    with duckdb.connect(str(path)) as connection:  # as the schema step before left it
        connection.execute("ALTER TABLE token_counts DROP COLUMN shot_tokens")
        connection.execute("DELETE FROM migrations WHERE name = $1", [MIGRATIONS[3][0]])
    with Store.open(path, "anna") as store:
        assert store.uncounted_total(model.fingerprint) == len(CANDIDATES)
        assert store.previews([1])[0].total_tokens is not None
        assert check_window(store, model, 512).to_dict() == expected
        assert store.uncounted_total(model.fingerprint) == 0
        assert len(store.counts(model.fingerprint)[0]) == len(CANDIDATES), "no row is counted twice"


@pytest.mark.skipif(sys.platform != "linux", reason="only there has a thread a priority of its own")
def test_counting_behind_a_screen_gives_way_and_what_it_writes_keeps_no_label_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tokenizer(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    (tmp_path / "config.json").write_text('{"model_type": "tiny", "max_position_embeddings": 2048}')
    priorities: dict[str, set[int]] = {}

    def noting(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            priorities.setdefault(name, set()).add(own)
            return act(*given)

        return noted

    monkeypatch.setattr(window, "encode_named", noting("tokenizing", encode_named))
    monkeypatch.setattr(Store, "save_counts", noting("writing", Store.save_counts))
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with Store.open(tmp_path / "studio.duckdb", "anna") as store:
        store.add([Candidate(f"where is order {n}?", "here") for n in range(window.SLICE_ROWS + 1)], "rows.jsonl")
        assert window.count_tokens(store, ModelFolder(tmp_path), gives_way=True) == window.SLICE_ROWS + 1
    assert priorities == {"tokenizing": {max(before, window.NICENESS)}, "writing": {before}}


def test_what_was_counted_before_a_cancel_within_a_batch_is_kept(model: ModelFolder, store: Store) -> None:
    rows = 2 * window.SLICE_ROWS + 1
    store.add([Candidate(f"where is order {n}?", "here") for n in range(rows)], "rows.jsonl")
    asked = iter([False, True])
    assert window.count_tokens(store, model, is_cancelled=lambda: next(asked)) == window.SLICE_ROWS
    assert store.uncounted_total(model.fingerprint) == rows - window.SLICE_ROWS
    assert window.count_tokens(store, model) == rows - window.SLICE_ROWS
