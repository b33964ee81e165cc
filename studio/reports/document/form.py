"""What a format of written reports is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.reports.document.blocks import Document


@dataclass(frozen=True)
class Format:
    """How a report is written; ``endings`` are those of its files, the usual one first."""

    name: str
    about: str
    endings: tuple[str, ...]
    write: Callable[[Document], str]
