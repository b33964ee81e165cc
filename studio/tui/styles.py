"""Style names → theme colours, in this one place. Reports name styles; only ``themes.py`` knows a hue."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.app import App
from textual.color import Color
from textual.content import Content

# Name → (theme variable, share kept of it against the background, attributes).
# Attributes carry the meaning on a terminal without colour.
STYLES: dict[str, tuple[str, float, str]] = {
    "": ("foreground", 1.0, ""),
    "plain": ("foreground", 1.0, ""),
    "bold": ("foreground", 1.0, "bold"),
    "dim": ("studio-dim", 1.0, ""),
    "faint": ("studio-faint", 1.0, ""),
    "title": ("text-primary", 1.0, "bold"),
    "key": ("text-accent", 1.0, "bold"),
    "prompt": ("text-primary", 1.0, ""),
    "completion": ("studio-completion", 1.0, ""),
    "good": ("text-success", 1.0, ""),
    "bad": ("text-error", 1.0, ""),
    "warn": ("text-warning", 1.0, ""),
    "accept": ("text-success", 1.0, "bold"),
    "reject": ("text-error", 1.0, "bold"),
    "skip": ("studio-dim", 1.0, ""),
    "mark": ("text-warning", 1.0, "bold"),
    "loss": ("text-primary", 1.0, "bold"),
    "loss-raw": ("text-primary", 0.45, ""),
    "eval": ("text-accent", 1.0, "bold"),
    "best": ("text-success", 1.0, "bold"),
    "limit": ("text-error", 1.0, "bold"),
    "bar": ("text-primary", 1.0, ""),
    "bar-over": ("text-error", 1.0, ""),
    "axis": ("studio-dim", 1.0, ""),
    "label": ("studio-label", 1.0, ""),
    "overlay-1": ("text-warning", 1.0, ""),
    "overlay-2": ("text-success", 1.0, ""),
    "overlay-3": ("text-secondary", 1.0, ""),
    "grid": ("studio-faint", 1.0, ""),
    "learned": ("studio-completion", 1.0, "bold"),
    "seen": ("studio-dim", 1.0, ""),
    "removed": ("text-error", 1.0, "strike"),
    "added": ("text-success", 1.0, "underline"),
    "same": ("foreground", 1.0, ""),
    "match": ("text-warning", 1.0, "bold underline"),
    "control": ("text-error", 1.0, "bold"),
}


def style_of(name: str) -> str:
    """``name`` as a style of Textual's Content: ``"$text-primary bold"``; an unknown name is a KeyError."""
    variable, share, attributes = STYLES[name]
    if not name:
        return ""
    return (
        f"${variable} {round(share * 100)}% {attributes}".strip() if share < 1 else f"${variable} {attributes}".strip()
    )


def style(app: App[Any], name: str) -> Style:
    """The rich Style of ``name`` in the app's theme; an unknown name is a KeyError, not a silent default."""
    variable, share, attributes = STYLES[name]
    variables = app.theme_variables
    return _resolved(variables[variable], variables["background"], share, attributes)


def text(app: App[Any], segments: list[tuple[str, str]]) -> Text:
    """(text, style name) pairs as one rich Text; the text is data and never markup."""
    result = Text(no_wrap=True, end="")
    for piece, name in segments:
        result.append(piece, style(app, name))
    return result


def title(words: str) -> Content:
    """A border title from data: square brackets stay square brackets."""
    return Content(words)


@lru_cache(maxsize=512)
def _resolved(color: str, background: str, share: float, attributes: str) -> Style:
    mixed = Color.parse(background).blend(Color.parse(color), share)
    return Style(color=mixed.rich_color) + Style.parse(attributes or "none")
