"""Every row has one fate, and the number where it changes is exact."""

import numpy as np
import pytest

from studio.tokens.layout import Budget
from studio.tokens.window import FATES, fates


@pytest.mark.parametrize(
    ("prompt_tokens", "completion_tokens", "fate"),
    [
        (60, 40, "whole"),  # 100 of 100
        (60, 41, "end-of-turn cut"),  # only the last token is over
        (60, 42, "answer cut"),
        (99, 30, "answer cut"),  # one token of the answer is left
        (100, 30, "nothing left to learn"),
        (100, 1, "nothing left to learn"),  # the one token over is all there was to learn
        (400, 1, "nothing left to learn"),
    ],
)
def test_the_fate_of_a_row_at_100_tokens(prompt_tokens: int, completion_tokens: int, fate: str) -> None:
    counts = np.array([prompt_tokens], np.int32), np.array([completion_tokens], np.int32)
    assert FATES[fates(*counts, Budget(100))[0]] == fate
