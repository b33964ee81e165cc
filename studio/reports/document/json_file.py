"""The figures, settings and hashes of a report, for scripts."""

from __future__ import annotations

import json

from studio.reports.document.blocks import Document
from studio.reports.document.form import Format
from studio.reports.visible import escaped


def as_json(document: Document) -> str:
    """The whole file."""
    return escaped(json.dumps(document.data, ensure_ascii=False, indent=2)) + "\n"


JSON = Format("json", "the figures for scripts", (".json",), as_json)
