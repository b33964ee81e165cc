"""What every dialog has in common."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import BindingType
from textual.screen import ModalScreen

from studio.tui.asking import Asking


class StudioDialog(ModalScreen[Any], Asking):
    """A dialog over a screen, with its keys from the table (``bindings_for("Edit")`` and so on)."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def action_dismiss_too(self) -> None:
        self.dismiss(None)
