"""Text in terminal cells."""

from __future__ import annotations

import time
import unicodedata
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from studio.reports.cells import cut, fit
from tests.reports.any_text import ANY_TEXT


@given(ANY_TEXT, st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_fit_is_exact_in_cells(text: str, width: int, align: Literal["left", "right"]) -> None:
    assert cell_len(fit(text, width, align)) == width
    assert cell_len(cut(text, width)) <= width


def test_fit_cuts_between_characters() -> None:
    assert fit("漢字漢字", 5) == "漢字…"
    assert fit("漢字漢字", 6) == "漢字… "
    assert fit("đơn hàng", 10) == "đơn hàng  "
    assert fit(unicodedata.normalize("NFD", "tiếng Việt"), 6) == unicodedata.normalize("NFD", "tiếng") + "…"
    assert fit("1,204", 7, "right") == "  1,204"
    assert fit("anything", 0) == ""


def test_fitting_a_huge_cell_looks_at_its_start_only() -> None:
    started = time.perf_counter()
    assert fit("x" * 50_000_000, 10) == "xxxxxxxxx…"
    assert time.perf_counter() - started < 0.5
