"""Whatever is in the store comes back from every file that it is written to: texts, turns, labels, splits and all."""

from __future__ import annotations

import tempfile
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.acts.exporting import export_examples
from studio.acts.importing import preview_import
from studio.dataset.candidates import Candidate, text_fault
from studio.dataset.labels import LABELS, SPLITS
from studio.dataset.store import Store
from studio.turns import Turn, written

WAYS = [(shape, ".jsonl") for shape in ("pair", "messages", "sharegpt", "alpaca")]
WAYS += [(shape, ending) for shape in ("pair", "alpaca") for ending in (".csv", ".tsv")]
SLOWER = [(shape, ".parquet") for shape in ("pair", "messages", "sharegpt", "alpaca")]

_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(lambda text: text_fault(text) is None)
_maybe = st.just("") | _text


@st.composite
def _candidates(draw: st.DrawFn) -> Candidate:
    said = draw(st.lists(_text, max_size=3))
    roles = ["assistant" if number % 2 == 0 else "user" for number in range(len(said))][::-1]
    prompt = draw(_text)
    is_plain = draw(st.integers(0, 4)) == 0
    return Candidate(
        "" if is_plain else prompt,
        draw(_text),
        draw(_maybe),
        draw(_maybe),
        label=draw(st.sampled_from(LABELS)),
        split=draw(st.sampled_from(SPLITS)),
        context="" if is_plain else written([Turn(*turn) for turn in zip(roles, said, strict=True)]),
        rejected=draw(_maybe),
    )


FACTS = attrgetter("prompt", "completion", "system", "task", "label", "split", "context", "rejected")


def check(rows: list[Candidate], ways: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "one.duckdb", "anna") as one:
        one.add(rows, "")
        before = list(map(FACTS, one.rows_for()))
        for shape, ending in ways:
            path = Path(folder) / f"{shape}{ending}"
            export_examples(one, path, one.view_ids().tolist(), shape=shape)
            again = preview_import(one, [path])
            assert (again.problems, again.plan.added) == ([], 0)
            assert list(map(FACTS, again.candidates)) == before, f"{shape} as {ending}"


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(_candidates(), min_size=4, max_size=8))
def test_import_export_import_changes_nothing(rows: list[Candidate]) -> None:
    check(rows, WAYS)


@pytest.mark.soak
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(_candidates(), min_size=1, max_size=12))
def test_two_hundred_times_and_by_parquet(rows: list[Candidate]) -> None:
    check(rows, WAYS + SLOWER)
