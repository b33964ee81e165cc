"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that trains in milliseconds a step; read-only for tests."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--make-pictures", action="store_true", help="make README's pictures and the golden screens anew")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: stories of screens and of processes wait more than they compute."""
    return (os.cpu_count() or 1) + 1
