"""For every story of the screens."""

from __future__ import annotations

import pytest

from tests.tui.resting import rest_without_sleep


@pytest.fixture(autouse=True)
def one_terminal_that_rests_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A usual terminal. What waits until a person stops typing need not wait as long here, nor a test for the app."""
    rest_without_sleep(monkeypatch)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name in (
        "screens.data.counts.COUNT_AFTER_SECONDS",
        "screens.data.shown.TOKENS_AFTER_SECONDS",
        "dialogs.new_run.COUNT_AFTER_SECONDS",
    ):
        monkeypatch.setattr(f"studio.tui.{name}", 0.02)
