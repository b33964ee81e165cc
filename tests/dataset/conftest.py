from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset.store import Store
from tests.dataset.six_examples import SIX


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "studio.duckdb"


@pytest.fixture
def store(store_path: Path) -> Iterator[Store]:
    with Store.open(store_path, "anna") as opened:
        yield opened


@pytest.fixture
def filled(store: Store) -> Store:
    """Six examples, ids 1 to 6, of two tasks."""
    store.add(SIX, "six.jsonl")
    return store
