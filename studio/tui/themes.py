"""The two themes, dark and light, and what of them a terminal of 16 colours can show.

Every text has a contrast of 4.5 to 1 or more against what it stands on, also on the row under the cursor and where a
terminal has only 256 or 16 colours (WCAG 2.2, success criterion 1.4.3). In 16 colours a theme is made of those sixteen:
what is mixed from others becomes whichever is nearest, and that is often the colour of the ground.
"""

from __future__ import annotations

from dataclasses import replace

from textual.theme import Theme

DARK, LIGHT = "textual-dark", "textual-light"

# Of the hues that Textual has no name for: a quieter text, what parts and frames, the row under the cursor while its
# list has the keyboard and while it has not, and the completion's hue.
_DARK = {
    "studio-dim": "#9e9e9e",
    "studio-label": "#b4b4b4",
    "studio-faint": "#5c5c5c",
    "studio-cursor": "#0b2a4a",
    "studio-cursor-left": "#262626",
    "studio-completion": "#86C5B4",
    "text-primary": "#6cb2ea",
    "text-error": "#e5909f",
}
_LIGHT = {
    "studio-dim": "#595959",
    "studio-label": "#444444",
    "studio-faint": "#9a9a9a",
    "studio-cursor": "#d7ecfb",
    "studio-cursor-left": "#e6e6e6",
    "studio-completion": "#00574b",
    "text-primary": "#004578",
    "text-secondary": "#5a3a8a",
    "text-accent": "#7a3d00",
    "text-warning": "#7a3d00",
    "text-error": "#a0004f",
    "text-success": "#1b5e30",
}
# The sixteen as text consoles have them. On black all but blue and bright black can be read, on white only these.
_BLACK, _RED, _BLUE, _MAGENTA, _WHITE = "#000000", "#aa0000", "#0000aa", "#aa00aa", "#aaaaaa"
_BRIGHT_BLACK, _BRIGHT_RED, _BRIGHT_GREEN, _BRIGHT_YELLOW = "#555555", "#ff5555", "#55ff55", "#ffff55"
_BRIGHT_MAGENTA, _BRIGHT_CYAN, _BRIGHT_WHITE = "#ff55ff", "#55ffff", "#ffffff"
_DARK_OF_16 = {
    "studio-dim": _WHITE,
    "studio-label": _WHITE,
    "studio-faint": _BRIGHT_BLACK,
    "studio-cursor": _BLUE,
    "studio-cursor-left": _BLACK,
    "studio-completion": _BRIGHT_WHITE,
    "text-primary": _BRIGHT_CYAN,
    "text-secondary": _BRIGHT_MAGENTA,
    "text-accent": _BRIGHT_YELLOW,
    "text-warning": _BRIGHT_YELLOW,
    "text-error": _BRIGHT_RED,
    "text-success": _BRIGHT_GREEN,
    "input-cursor-background": _BRIGHT_WHITE,
    "input-cursor-foreground": _BLACK,
}
_LIGHT_OF_16 = {
    "studio-dim": _BLACK,
    "studio-label": _BLACK,
    "studio-faint": _WHITE,
    "studio-cursor": _BRIGHT_CYAN,
    "studio-cursor-left": _BRIGHT_WHITE,
    "studio-completion": _BLACK,
    "text-primary": _BLUE,
    "text-secondary": _MAGENTA,
    "text-accent": _MAGENTA,
    "text-warning": _MAGENTA,
    "text-error": _RED,
    "text-success": _BLUE,
    "input-cursor-background": _BLACK,
    "input-cursor-foreground": _BRIGHT_WHITE,
}


def variables(*, is_dark: bool) -> dict[str, str]:
    """What a theme of somebody else's has to be given."""
    ours = _DARK if is_dark else _LIGHT
    return {name: color for name, color in ours.items() if name.startswith("studio-")}


def themes(*, has_few_colors: bool) -> tuple[Theme, Theme]:
    """Dark and light, for a terminal of 16 colours or for one of more."""
    if has_few_colors:
        return (
            _on_one_ground(Theme(DARK, _BRIGHT_CYAN, foreground=_BRIGHT_WHITE, variables=_DARK_OF_16), _BLACK),
            _on_one_ground(Theme(LIGHT, _BLUE, foreground=_BLACK, dark=False, variables=_LIGHT_OF_16), _BRIGHT_WHITE),
        )
    dark = Theme(DARK, "#0178D4", "#004578", foreground="#e0e0e0", variables=_DARK)
    light = Theme(LIGHT, "#004578", "#0178D4", foreground="#1c1c1c", dark=False, variables=_LIGHT)
    light = replace(light, background="#fafafa", surface="#f0f0f0", panel="#eeeeee")
    return _with_hues(dark), _with_hues(light)


def _on_one_ground(theme: Theme, ground: str) -> Theme:
    return replace(theme, background=ground, surface=ground, panel=ground, boost=ground)


def _with_hues(theme: Theme) -> Theme:
    return replace(theme, accent="#ffa62b", warning="#ffa62b", error="#ba3c5b", success="#4EBF71")
