"""Written reports. ``FORMATS`` has every format: a name, the endings of its files, and what writes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from studio.reports.document.blocks import Document
from studio.reports.document.html import as_html
from studio.reports.document.markdown import as_markdown
from studio.reports.visible import escaped


@dataclass(frozen=True)
class Format:
    """How a report is written; ``endings`` are those of its files."""

    name: str
    endings: tuple[str, ...]
    write: Callable[[Document], str]


def as_json(document: Document) -> str:
    """The figures and settings of the report, for scripts."""
    return escaped(json.dumps(document.data, ensure_ascii=False, indent=2)) + "\n"


FORMATS: tuple[Format, ...] = (
    Format("html", (".html", ".htm"), as_html),
    Format("md", (".md", ".markdown"), as_markdown),
    Format("json", (".json",), as_json),
)
