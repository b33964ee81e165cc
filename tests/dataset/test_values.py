"""The values of a column with how many rows have each, and what is known of who labelled a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.filters import COLUMNS
from studio.dataset.store import Store
from studio.errors import AskedWrongly


def test_the_commonest_values_come_first_of_the_rows_that_are_asked_for(filled: Store) -> None:
    assert filled.values("task").found == [("tickets", 3), ("tone", 3)]
    assert filled.values("task", where="source_line > 2").found == [("tone", 3), ("tickets", 1)]
    assert filled.values("task", among=[1, 5, 6]).found == [("tone", 2), ("tickets", 1)]
    assert filled.values("task", containing="TICK").found == [("tickets", 3)]
    assert filled.values("task", where="false").rows == 0
    filled.remove([1])
    assert filled.values("task").found == [("tone", 3), ("tickets", 2)], "what is in the trash is not counted"


def test_of_many_values_the_first_are_given_and_all_are_counted(store: Store) -> None:
    store.add([Candidate(f"p{n % 40}", str(n)) for n in range(100)], "rows.jsonl")
    values = store.values("prompt", most=3)
    assert values.found == [("p0", 3), ("p1", 3), ("p10", 3)]
    assert (values.distinct, values.rows) == (40, 100)


def test_every_column_has_values_and_none_where_nothing_is_known(filled: Store) -> None:
    for column in COLUMNS:
        values = filled.values(column)
        assert sum(count for _, count in values.found) == values.rows == 6
    assert filled.values("total_tokens").found == filled.values("labelled_by").found == [(None, 6)]
    with pytest.raises(AskedWrongly, match="is no column"):
        filled.values("prompt; drop table examples")


def test_a_filter_may_name_who_labelled_a_row_and_when_and_undo_gives_it_back(filled: Store, store_path: Path) -> None:
    filled.set_label([1, 2], "accept")
    filled.close()
    with Store.open(store_path, "ben") as store:
        store.set_label([2, 3], "reject")
        store.set_label([3], "none")
        assert store.view_ids("labelled_by = 'anna'").tolist() == [1]
        assert store.view_ids("labelled_by = 'ben'").tolist() == [2], "a label that was taken away is nobody's"
        assert store.view_ids("labelled_by is null").tolist() == [3, 4, 5, 6]
        assert store.view_ids(sort=[("labelled_by", True)]).tolist() == [2, 1, 3, 4, 5, 6]
        tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        assert store.view_ids(f"labelled_at < '{tomorrow}' and total_tokens is null").tolist() == [1, 2]
        at = store.previews([2])[0].labelled_at
        assert at is not None
        assert store.view_ids(f"labelled_at = '{at:%Y-%m-%d %H:%M:%S.%f}'").tolist() == [2], "the rows of one act"
        store.undo()
        store.undo()
        assert [one.labelled_by for one in store.previews([1, 2, 3])] == ["anna", "anna", None]
