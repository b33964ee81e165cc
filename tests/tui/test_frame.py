"""What is sent cell by cell leaves the terminal as Textual meant it to be: read back by a small terminal here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import split_graphemes
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip

from studio.dataset.formats.reading import Candidate
from studio.project import Project
from studio.tui.frame import Frame
from tests.tui.data_story import NARROW, WIDE, opened, press, project_with, shown
from tests.tui.run_story import opened_on, recorded_runs

ROWS = [
    *(Candidate(f"where is order {n}? 注文 {n}", f'{{"order": {n}}}', task="tickets") for n in range(1, 60)),
    Candidate("a 👩🏽‍💻 wrote:\tChào\x1b[2J [bold]shop[/bold]", "e\u0301", task="tone"),
]
SEQUENCE = re.compile(r"\x1b(?:\[([\d;]*)([HGmr])|([DM]))")
ENDED = {"22": {"1", "2"}, "23": {"3"}, "24": {"4"}, "25": {"5"}, "27": {"7"}, "29": {"9"}, "55": {"53"}}


class SmallTerminal:
    """Knows the sequences that a frame uses, and no other; each cell is its text and how it looks."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[(" ", "")] * width for _ in range(height)]
        self._x = self._y = 0
        self._first, self._last = 0, height - 1
        self._on: set[str] = set()
        self._colors = {"38": "", "48": ""}

    def read(self, data: str) -> None:
        while data:
            if found := SEQUENCE.match(data):
                self._obey(found[1], found[2] or found[3])
                data = data[found.end() :]
            else:
                text, _, rest = data.partition("\x1b")
                assert text, f"unknown sequence {data[:12]!r}"
                self._write(text)
                data = "\x1b" + rest if rest else ""

    def _obey(self, numbers: str, kind: str) -> None:
        if kind == "H":
            self._y, self._x = (int(number) - 1 for number in numbers.split(";"))
        elif kind == "G":
            self._x = int(numbers) - 1
        elif kind == "r":
            first, last = numbers.split(";") if numbers else (1, len(self.cells))
            self._first, self._last, self._x, self._y = int(first) - 1, int(last) - 1, 0, 0
        elif kind in "DM":
            gone, new = (self._first, self._last) if kind == "D" else (self._last, self._first)
            assert self._y == new, "elsewhere it would move the cursor"
            assert not self._colors["48"], "the new line would have the pen's background"
            width = len(self.cells.pop(gone))
            self.cells.insert(new, [(" ", "")] * width)
        else:
            self._turn(numbers.split(";"))

    def _turn(self, codes: list[str]) -> None:
        while codes:
            code = codes.pop(0)
            if code == "0":
                self._on, self._colors = set(), {"38": "", "48": ""}
            elif code in ("38", "48"):
                self._colors[code] = ";".join(codes[:4])
                del codes[:4]
            elif code in ("39", "49"):
                self._colors["38" if code == "39" else "48"] = ""
            elif code in ENDED:
                self._on -= ENDED[code]
            else:
                self._on.add(code)

    def _write(self, text: str) -> None:
        for start, end, size in split_graphemes(text)[0]:
            look = f"{sorted(self._on)} {self._colors}"
            if text[start:end] == " " and not self._on & {"4", "7", "9", "53"}:
                look = self._colors["48"]  # of a blank no more is seen
            for place, piece in enumerate([text[start:end], *[""] * (size - 1)]):
                self.cells[self._y][self._x + place] = (piece, look)
            self._x += size


class Both:
    """The terminal as it is, and as it would be had everything been sent anew."""

    def __init__(self, app: App[Any]) -> None:
        self.width, self.height = app.size
        self.is_known = SmallTerminal(*app.size)

    def show_whole(self, app: App[Any]) -> SmallTerminal:
        strips: list[Iterable[Strip]] = [[strip] for strip in app.screen._compositor.render_strips()]
        whole = LayoutUpdate(strips, Region(0, 0, self.width, self.height))
        anew = SmallTerminal(self.width, self.height)
        anew.read(Frame().changes(whole, self.width, self.height, ColorSystem.TRUECOLOR).render_segments(Console()))
        return anew


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What has gone to the terminal."""
    updates: list[str] = []

    def display(app: App[Any], screen: Screen[Any], update: object) -> None:
        if isinstance(update, CompositorUpdate) and screen is app.screen and not app._batch_count:
            updates.append(update.render_segments(app.console))

    monkeypatch.setattr(App, "_display", display)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")  # the longest codes
    return updates


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_after_every_key_the_terminal_shows_what_the_screen_is(
    tmp_path: Path, sent: list[str], size: tuple[int, int]
) -> None:
    async with opened(project_with(tmp_path, ROWS), size) as pilot:
        both = Both(pilot.app)
        for key in ("j", "a", "G", "x", "g", "pagedown", "u", "slash", "o", "escape", "question_mark escape", "l"):
            await press(pilot, *key.split())
            both.is_known.read("".join(sent))
            sent.clear()
            assert both.is_known.cells == both.show_whole(pilot.app).cells, key
        assert "".join(text for text, _ in both.is_known.cells[2]) == shown(pilot).splitlines()[2]


async def test_screens_that_follow_each_other_leave_nothing_behind(tmp_path: Path, sent: list[str]) -> None:
    project = Project.init(tmp_path)
    recorded_runs(project)
    async with opened_on(project, "compare") as pilot:
        both = Both(pilot.app)
        for key in ("j", "D", "f4", "j", "left", "left", "f6", "f5", "f2"):
            await press(pilot, key)
            both.is_known.read("".join(sent))
            sent.clear()
            assert both.is_known.cells == both.show_whole(pilot.app).cells, key


def test_half_of_a_wide_character_is_never_sent() -> None:
    frame, terminal = Frame(), SmallTerminal(6, 1)
    for text in ("日本語", "日木語", "a本語b", "日本語"):
        strip = Strip([Segment(text, Style(bold=True))])
        update = LayoutUpdate([[strip]], Region(0, 0, 6, 1))
        terminal.read(frame.changes(update, 6, 1, ColorSystem.TRUECOLOR).render_segments(Console()))
        assert "".join(piece for piece, _ in terminal.cells[0]) == text


def strips(*lines: str) -> LayoutUpdate:
    texts: list[Iterable[Strip]] = [[Strip([Segment(line, Style(bgcolor="#101020"))])] for line in lines]
    return LayoutUpdate(texts, Region(0, 0, len(lines[0]), len(lines)))


@pytest.mark.parametrize("by", [1, 2, 3, -1, -3])
def test_lines_that_move_are_moved_by_the_terminal(by: int) -> None:
    """A list that scrolled by one row was sent whole: 3 KB of a slow line for each ``j``."""
    rows = [f"row {n}: {chr(97 + n % 26) * 50} {n * 7919}".ljust(78) + " │" for n in range(40)]
    frame, terminal = Frame(), SmallTerminal(80, 24)

    def send(at: int) -> str:
        lines = ["a heading".ljust(80), *rows[at : at + 20], *(f"foot {at} {n}".ljust(80) for n in range(3))]
        data = frame.changes(strips(*lines), 80, 24, ColorSystem.TRUECOLOR).render_segments(Console())
        terminal.read(data)
        assert ["".join(text for text, _ in line) for line in terminal.cells] == lines
        return data

    whole, moved = send(10), send(10 + by)
    assert len(moved) < len(whole) // 4 + 100 * abs(by)
    assert send(10 + by) == ""


def test_a_page_that_has_nothing_in_common_with_the_one_before_moves_nothing() -> None:
    frame = Frame()
    for start in (0, 20):
        lines = [f"{n:>4} {chr(97 + n) * 70}".ljust(80) for n in range(start, start + 20)]
        data = frame.changes(strips(*lines), 80, 20, ColorSystem.TRUECOLOR).render_segments(Console())
        assert "r" not in re.findall(r"\x1b\[[\d;]*([A-Za-z])", data)


lines_of = st.lists(st.text("ab ", min_size=9, max_size=9), min_size=8, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(lines_of, st.integers(-4, 4)), min_size=2, max_size=6))
def test_whatever_moved_the_terminal_ends_as_it_should(frames: list[list[str] | int]) -> None:
    frame, terminal, lines = Frame(), SmallTerminal(90, 8), [" " * 9] * 8
    for one in frames:
        lines = one if isinstance(one, list) else [*lines[one:], *lines[:one]]
        wide = [line * 10 for line in lines]
        terminal.read(frame.changes(strips(*wide), 90, 8, ColorSystem.TRUECOLOR).render_segments(Console()))
        assert ["".join(text for text, _ in line) for line in terminal.cells] == wide
