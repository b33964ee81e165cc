"""What a written report is made of: plain values, which every format writes in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.files import JsonObject
from studio.reports.table import Table


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names and values, a line each."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table with its notes."""

    table: Table
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A drawing: ``svg`` for a browser, ``cells`` for a plain text; ``caption`` says what it shows."""

    caption: str
    svg: str
    cells: Sequence[str]


@dataclass(frozen=True)
class Answered:
    """One arm's answer in an example."""

    arm: str
    text: str
    is_right: bool
    fault: str = ""


@dataclass(frozen=True)
class Example:
    """A held-out row with what some arms answered."""

    title: str
    prompt: str
    reference: str
    answers: Sequence[Answered]


@dataclass(frozen=True)
class Commands:
    """Command lines that do it again."""

    lines: Sequence[str]


Block = Words | Facts | Grid | Figure | Example | Commands


@dataclass(frozen=True)
class Section:
    """Blocks under a title."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """``lead`` is what one has to know, ``facts`` stand beneath it; ``data`` is the same for scripts."""

    title: str
    lead: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    data: JsonObject
