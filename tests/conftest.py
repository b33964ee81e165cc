"""Fixtures that every room's tests may use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.files import keep_private
from tests.tiny_encoder_decoder import make_tiny_bart, make_tiny_t5
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="session", autouse=True)
def new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tables of a new store are made once: a thousand times over that was a tenth of the time."""
    template = tmp_path_factory.mktemp("store") / "studio.duckdb"
    Store.open(template, "anna").close()

    def and_put_there(folder: Path) -> None:
        keep_private(folder)
        path = folder / template.name
        if not path.exists() and not path.with_name(f"{path.name}.wal").exists():
            shutil.copyfile(template, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studio.dataset.connection.keep_private", and_put_there)
        yield


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that trains in milliseconds a step; read-only for tests."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``tiny_model_folder``, of a T5 that was trained at 64 tokens a side."""
    return make_tiny_t5(tmp_path_factory.mktemp("models") / "t5")


@pytest.fixture(scope="session")
def tiny_bart_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``tiny_model_folder``, of a BART with 256 positions a side."""
    return make_tiny_bart(tmp_path_factory.mktemp("models") / "bart")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--make-pictures", action="store_true", help="make README's pictures and the golden screens anew")


def pytest_configure() -> None:
    # Looking for garbage after every few hundred objects was a quarter of the time: many are made, and they stay.
    gc.set_threshold(50_000, 20, 20)
    # Threads that have nothing to multiply spin for whoever comes next; beside other tests that took most of the time.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def pytest_collection_finish() -> None:
    """What is imported by now stays. What a test leaves behind is still found, and a file left open still fails."""
    gc.collect()
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: stories of screens and of processes wait more than they compute."""
    return (os.cpu_count() or 1) + 1
