"""The texts of a pair as the pane and the reader show them: harmless, what was searched for marked, never endless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.reports.numbers import number
from studio.reports.visible import visible
from studio.tui.widgets.lines import Line
from studio.turns import turns_in

if TYPE_CHECKING:
    from studio.dataset.store import Example

SHOWN_CHARS = 50_000


def state_of(example: Example) -> str:
    """Its number, task, label and split, as far as it has them."""
    facts = [str(example.example_id), visible(example.task, single_line=True), example.label, example.split]
    return " · ".join(fact for fact in facts if fact not in ("", "none"))


def turn_lines(context: str, found: str) -> list[Line]:
    """The turns before a prompt, each under the name of who said it, an empty line behind each."""
    lines: list[Line] = []
    for turn in turns_in(context):
        lines += [[(f"{turn.role}, earlier", "dim")], *text_lines(turn.text, "plain", found), []]
    return lines


def text_lines(text: str, style: str, found: str) -> list[Line]:
    """A text of the data as lines, what was searched for marked in them; too long a text ends in words that say so."""
    lines = [_marked(line, style, found) for line in visible(text[:SHOWN_CHARS].replace("\r\n", "\n")).split("\n")]
    if len(text) > SHOWN_CHARS:
        lines.append([(f"… {number(len(text) - SHOWN_CHARS)} more characters; E opens all of it", "warn")])
    return lines


def _marked(line: str, style: str, found: str) -> Line:
    marked: Line = []
    wanted, at_lower, start = found.lower(), line.lower(), 0
    # A few letters change their length with their case: then places in one text are none in the other.
    while wanted and len(at_lower) == len(line) and (place := at_lower.find(wanted, start)) >= 0:
        marked += [(line[start:place], style), (line[place : place + len(wanted)], "match")]
        start = place + len(wanted)
    return [*marked, (line[start:], style)]
