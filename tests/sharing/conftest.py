from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.sharing.opening import open_store
from tests.dataset.six_examples import SIX


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "studio.duckdb"


@pytest.fixture
def anna(store_path: Path) -> Iterator[Store]:
    """Has the file open, with six rows in it."""
    with open_store(store_path, "anna") as store:
        store.add(SIX, "six.jsonl")
        yield store


@pytest.fixture
def bo(anna: Store, store_path: Path) -> Iterator[Store]:
    """Another open store on the same file, as of another process: everything goes over the socket."""
    with open_store(store_path, "bo") as store:
        yield store
