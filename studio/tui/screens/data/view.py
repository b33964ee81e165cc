"""What the Data screen shows, as a value: filters, search, sort; how it reads in a title and on a command line."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from studio.reports.visible import is_unseen, visible

if TYPE_CHECKING:
    from studio.dataset.examples import Value

Sort = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class DataView:
    """``filters`` are SQL conditions that all hold; ``sort`` is (column, descending) in order of weight.

    ``chosen`` is a fixed list of rows that another screen asked to show, under ``heading``.
    """

    filters: tuple[str, ...] = ()
    sort: Sort = ()
    chosen: Sequence[int] | None = None
    heading: str = ""

    @property
    def where(self) -> str:
        return " and ".join(self.filters) if len(self.filters) < 2 else " and ".join(f"({one})" for one in self.filters)

    @property
    def is_plain(self) -> bool:
        return not self.filters and not self.sort and self.chosen is None

    @property
    def title(self) -> str:
        return " · ".join(filter(None, ["examples", self.heading, self.where]))

    def filtered(self, condition: str) -> DataView:
        """One more condition; the same one twice is one."""
        condition = condition.strip()
        return self if condition in self.filters else replace(self, filters=(*self.filters, condition))

    def sorted_by(self, column: str, *, descending: bool) -> DataView:
        """Sort by ``column`` too; the same again takes it off, the other direction turns it round in its place."""
        wanted = (column, descending)
        if wanted in self.sort:
            return replace(self, sort=tuple(one for one in self.sort if one != wanted))
        if any(name == column for name, _ in self.sort):
            return replace(self, sort=tuple(wanted if one[0] == column else one for one in self.sort))
        return replace(self, sort=(*self.sort, wanted))

    def command(self, project_root: Path) -> str:
        """The command line that lists these rows: it changes nothing, however often it is run."""
        words = ["studio", "-C", str(project_root), "rows"]
        where = self.where
        if self.chosen is not None:
            rows = f"example_id in ({', '.join(str(int(one)) for one in self.chosen)})"
            where = f"{rows} and ({where})" if where else rows
        words += ["--where", where] if where else []
        order = ",".join(f"{column}:desc" if is_down else column for column, is_down in self.sort)
        return " ".join(map(_quoted, [*words, "--sort", order] if order else words))


def equals(column: str, value: Value) -> str:
    """``column = value`` as SQL; quotes in the value are doubled."""
    if value is None:
        return f"{column} is null"
    if isinstance(value, bool):
        return column if value else f"not {column}"
    return f"{column} = {_literal(value)}"


def one_of(column: str, values: Sequence[Value]) -> str:
    """``column in (…)`` as SQL, for one value and for null as simple as can be."""
    known = [value for value in values if value is not None]
    if len(values) == 1 or not known:
        return equals(column, values[0])
    condition = f"{column} in ({', '.join(map(_literal, known))})" if len(known) > 1 else equals(column, known[0])
    return f"{condition} or {column} is null" if len(known) < len(values) else condition


def _literal(value: Value) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, float):  # with an exponent: without one it is a decimal number, and rounded to a float anew
        return f"{value:.17e}" if math.isfinite(value) else f"'{value}'"
    text = value if isinstance(value, str) else f"{value:%Y-%m-%d %H:%M:%S.%f}"
    return "'" + text.replace("'", "''") + "'"


def _quoted(word: str) -> str:
    """One word of a command line; what steers a terminal is spelt out, for the line will be pasted into one."""
    if visible(word, single_line=True) == word:
        return shlex.quote(word)
    spelt = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(one if not is_unseen(one) else _spelt(one) for one in spelt) + "'"


def _spelt(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
