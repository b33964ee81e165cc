"""Written reports. ``FORMATS`` has every format."""

from __future__ import annotations

from studio.reports.document.form import Format
from studio.reports.document.html import HTML
from studio.reports.document.json_file import JSON
from studio.reports.document.markdown import MARKDOWN

FORMATS: tuple[Format, ...] = (HTML, MARKDOWN, JSON)


def endings() -> str:
    """``.html, .md or .json``."""
    *others, last = (form.endings[0] for form in FORMATS)
    return f"{', '.join(others)} or {last}"
