"""Fixtures that every room's tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that trains in milliseconds a step; read-only for tests."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--make-pictures", action="store_true", help="make README's pictures and the golden screens anew")
