"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tiny_encoder_decoder import make_tiny_bart, make_tiny_t5
from tests.tiny_model import make_tiny_model


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


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: stories of screens and of processes wait more than they compute."""
    return (os.cpu_count() or 1) + 1
