"""Splits are drawn in SQL and are those of the rule in Python, to the last bit: else rows would change sides."""

from __future__ import annotations

import hashlib

import duckdb
import pytest

from studio.dataset.splits import split_sql
from tests.dataset.split_rule import split_of


@pytest.mark.parametrize(
    ("test", "validation", "seed"), [(0.1, 0.1, 0), (0.1, 0.2, -7), (0.0, 0.3, 2**40), (1 / 3, 0, 1)]
)
def test_sql_draws_the_same_split_as_the_rule(test: float, validation: float, seed: int) -> None:
    hashes = [hashlib.md5(str(number).encode()).hexdigest() for number in range(3_000)]
    rows = duckdb.execute(
        f"SELECT hash, {split_sql('hash', 1, 2, 3)} FROM (SELECT unnest($4::VARCHAR[]) AS hash)",
        [test, float(validation), seed, hashes],
    ).fetchall()
    assert [split for _, split in rows] == [split_of(hash_, test, validation, seed) for hash_, _ in rows]
