"""A report as Markdown: read as it is, or by whatever renders it."""

from __future__ import annotations

import re
from functools import singledispatch

from studio.reports.document.blocks import Block, Commands, Document, Example, Facts, Figure, Grid, Words
from studio.reports.document.form import Format
from studio.reports.table import Table
from studio.reports.visible import visible

_MEANT = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def as_markdown(document: Document) -> str:
    """The whole file."""
    parts = [f"# {_safe(document.title)}", f"**{_safe(document.lead)}**", _written(Facts(document.facts))]
    for section in document.sections:
        parts += [f"## {_safe(section.title)}", *map(_written, section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


@singledispatch
def _written(block: Block) -> str:
    raise TypeError(f"no Markdown for {type(block).__name__}")


@_written.register
def _(block: Words) -> str:
    return _safe(block.text)


@_written.register
def _(block: Facts) -> str:
    return "\n".join(f"- {_safe(name)}: {_safe(value)}" for name, value in block.pairs)


@_written.register
def _(block: Grid) -> str:
    title = [f"### {_safe(block.title)}"] if block.title else []
    return "\n\n".join([*title, _table(block.table), *map(_safe, block.table.notes)])


@_written.register
def _(block: Figure) -> str:
    return f"{_fenced(chr(10).join(block.cells))}\n\n{_safe(block.caption)}"


@_written.register
def _(block: Commands) -> str:
    return _fenced("\n".join(block.lines))


@_written.register
def _(block: Example) -> str:
    parts = [f"### {_safe(block.title)}", "prompt", _fenced(block.prompt), "reference", _fenced(block.reference)]
    for answer in block.answers:
        fault = f" ({_safe(answer.fault)})" if answer.fault else ""
        parts += [f"{'✓' if answer.is_right else '✗'} {_safe(answer.arm)}{fault}", _fenced(answer.text)]
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    shown = [at for at, column in enumerate(table.columns) if not column.most]
    lines = [[_cell(table.columns[at].title) for at in shown]]
    lines.append(["---" if table.columns[at].is_left else "---:" for at in shown])
    lines += [[_cell(row[at].text) for at in shown] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _fenced(text: str) -> str:
    """A block of code that no text can close: its fence is longer than any in it."""
    shown = visible(text)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}"


def _cell(text: str) -> str:
    return _safe(visible(text, single_line=True)) or " "


def _safe(text: str) -> str:
    return _MEANT.sub(r"\\\1", visible(text))


MARKDOWN = Format("md", "Markdown", (".md", ".markdown"), as_markdown)
