"""Which split a prompt belongs to: decided by its hash alone, so that adding rows never moves old ones."""

from __future__ import annotations

from studio.errors import AskedWrongly


def split_sql(hash_: str, test: int, validation: int, seed: int) -> str:
    """The split of a prompt as an SQL expression: ``test``, ``validation`` or ``train``.

    ``hash_`` is an expression of a prompt hash (32 hex digits); the others are the numbers of the parameters that hold
    the two shares and the seed. Hash and seed give a number in [0, 1), the first 64 bits of an MD5 over 2**64; below
    the share of test is test, the next are validation. So equal prompts share a split, and changing ``validation``
    leaves the test split as it is. tests/dataset/split_rule.py says the same in Python.
    """
    begin = f"left(md5(CAST(${seed} AS VARCHAR) || ':' || {hash_}), 16)"
    place = f"(CAST(CAST('0x' || {begin} AS UBIGINT) AS DOUBLE) / 18446744073709551616.0)"
    both = f"CAST(${test} AS DOUBLE) + CAST(${validation} AS DOUBLE)"
    return f"CASE WHEN {place} < ${test} THEN 'test' WHEN {place} < {both} THEN 'validation' ELSE 'train' END"


def check_shares(test: float, validation: float) -> None:
    """Raise AskedWrongly unless both shares are sensible and something is left to train on."""
    for name, share in (("test", test), ("validation", validation)):
        if not 0 <= share < 1:
            raise AskedWrongly(f"{name} is {share:g}; it must be at least 0 and below 1.", "0.1 is a tenth.")
    if test + validation >= 1:
        raise AskedWrongly(
            f"test {test:g} and validation {validation:g} leave nothing to train on.", "Their sum must be below 1."
        )
