"""Every text of every screen against what it stands on: in both themes, in all colours, 256 and 16 of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from textual.app import App

from studio.tui import themes
from studio.tui.app import StudioApp
from tests.tui.data_story import WIDE, press
from tests.tui.resting import settle
from tests.tui.test_golden_screens import answer, project_in
from tests.tui.test_try_screen import PlayedAnswerer

ENOUGH = 4.5  # WCAG 2.2, 1.4.3
# What the sixteen are on a text console; other terminals have them brighter where it matters here.
CONSOLE = TerminalTheme(
    (0, 0, 0),
    (255, 255, 255),
    [(0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170), (170, 170, 170)],
    [(0x55 + red, 0x55 + green, 0x55 + blue) for blue in (0, 0xAA) for green in (0, 0xAA) for red in (0, 0xAA)],
)
# Each screen with keys that show more of it: marks, dialogs, forms, the palette.
PLACES = (
    ("f2", "a", "x", "s", "m", "enter", "space", "j"),
    ("f", "c", "o", "l", "o", "u", "r", "enter"),
    ("escape", "i"),
    ("escape", "escape", "M"),
    ("escape", "escape", "e"),
    ("escape", "?"),
    ("escape", "ctrl+p"),
    ("escape", "f3", "j"),
    ("tab",),
    ("f4", "j", "enter"),
    ("left",),
    ("n",),
    ("escape", "f5", "j", "j"),
    ("D", "f6"),
)


@cache
def luminance(color: Color, system: ColorSystem) -> float:
    """Relative luminance (WCAG 2.2) of a color as a terminal of that system shows it."""

    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(one / 255) for one in color.downgrade(system).get_truecolor(CONSOLE))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(segment: Segment, system: ColorSystem) -> float:
    style = segment.style
    assert style and style.color and style.bgcolor, segment
    darker, lighter = sorted(luminance(color, system) for color in (style.color, style.bgcolor))
    return (lighter + 0.05) / (darker + 0.05)


def too_faint(app: App[None], systems: tuple[ColorSystem, ...]) -> list[str]:
    """What is text, not a line or a mark, and has too little contrast; behind a dialog all is dim, and meant to be."""
    screen = app.screen
    shown = screen.query(".dialog, #--container").first().region if screen.is_modal else screen.region
    strips = screen._compositor.render_strips()[shown.y : shown.bottom]
    texts = [
        segment
        for strip in strips
        for segment in strip.crop(shown.x, shown.right)
        if any(one.isalnum() or "!" <= one <= "~" for one in segment.text)
    ]
    return [
        f"{segment.text.strip()!r} {segment.style} {system.name} {contrast(segment, system):.2f}"
        for segment in texts
        for system in systems
        if contrast(segment, system) < ENOUGH
    ]


@pytest.mark.parametrize("theme", [themes.DARK, themes.LIGHT])
@pytest.mark.parametrize(
    ("term", "systems"),
    [
        ("xterm-256color", (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT)),
        ("screen", (ColorSystem.STANDARD,)),
    ],
)
async def test_every_text_can_be_read(
    theme: str, term: str, systems: tuple[ColorSystem, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setattr("studio.tui.screens.try_prompt.screen.Answerer", PlayedAnswerer)
    app = StudioApp(project_in(tmp_path, "support-desk"))
    app.theme = theme
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        faint = {"at first": too_faint(app, systems)}
        for keys in PLACES:
            await press(pilot, *keys)
            faint[" ".join(keys)] = too_faint(app, systems)
        await answer(pilot)
        faint["Try"] = too_faint(app, systems)
    assert {place: texts for place, texts in faint.items() if texts} == {}
