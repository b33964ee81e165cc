"""Data: which rows, what state, is this one right?"""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Static

from studio.tui.actions import bindings_for
from studio.tui.screens.base import StudioScreen


class DataScreen(StudioScreen):
    NAME = "Data"
    BINDINGS = bindings_for("Data")

    def body(self) -> Iterable[Widget]:
        yield Static("opening the store …")
