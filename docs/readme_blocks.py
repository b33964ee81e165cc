"""The parts of the pages that are made from the code: key table and verbs in README, file tree in architecture.md.

    python docs/readme_blocks.py     writes them into their pages

``tests/test_readme.py`` fails when a page says something else than the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def keys() -> str:
    """One table per screen, in the order of the key table."""
    from studio.tui.actions import as_markdown

    return as_markdown()


def verbs() -> str:
    """Every verb with the first line of its help."""
    import typer.main

    from studio.cli.app import app

    def lines(command: object, path: str) -> list[str]:
        found = []
        for name, child in getattr(command, "commands", {}).items():
            here = f"{path} {name}"
            if getattr(child, "commands", None):
                found += lines(child, here)
            else:
                usage = " ".join(_usage(one) for one in child.params if one.param_type_name == "argument")
                found.append(f"| `{f'{here} {usage}'.strip()}` | {child.help.splitlines()[0]} |")
        return found

    return "| verb | does |\n|---|---|\n" + "\n".join(lines(typer.main.get_command(app), "studio"))


def scorers() -> str:
    """Every scorer with its sentence."""
    from studio.scoring.scorers import SCORERS

    lines = [f"| {scorer.title} | `{scorer.name}` | {scorer.about} |" for scorer in SCORERS]
    return "\n".join(["| score | in `--json` | what it is |", "|---|---|---|", *lines])


def arms() -> str:
    """Every kind of arm with its sentence."""
    from studio.runs.arms import ARMS

    lines = [f"| `{kind.usage}` | {kind.about} |" for kind in ARMS]
    return "\n".join(["| arm | is |", "|---|---|", *lines])


def watchdogs() -> str:
    """Every watchdog with what it looks for and what is done unless the spec says otherwise."""
    from studio.runs.watchdogs import WATCHDOGS

    lines = [f"| `{watchdog.NAME}` | {watchdog.ABOUT} | {watchdog.USUAL} |" for watchdog in WATCHDOGS]
    return "\n".join(["| watchdog | barks at | usual action |", "|---|---|---|", *lines])


def _usage(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).removesuffix("...") + "…" * (argument.nargs != 1)
    return name if argument.required else f"[{name}]"


def tree() -> str:
    """Every module with the first sentence of its docstring."""
    rows = []
    for path in sorted(
        ROOT.glob("studio/**/*.py"), key=lambda path: (path.parent.parts, path.name != "__init__.py", path.name)
    ):
        about = (
            (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].replace("\n", " ")
        )
        relative = path.relative_to(ROOT)
        depth = "  " * (len(relative.parts) - 2)
        is_room = path.name == "__init__.py"
        name = f"{'  ' * (len(relative.parts) - 2)}{relative.parent.name}/" if is_room else f"{depth}  {path.name}"
        rows.append(f"{name:<28} {about}".rstrip())
    return "```\n" + "\n".join(rows) + "\n```"


def _between(made: str, match: re.Match[str]) -> str:
    return f"{match[1]}{made}\n{match[2]}"


# Page → its blocks. A block stands between ``<!-- name -->`` and ``<!-- /name -->``.
PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    ROOT / "README.md": {"keys": keys, "verbs": verbs, "arms": arms, "scorers": scorers, "watchdogs": watchdogs},
    ROOT / "docs" / "architecture.md": {"tree": tree},
}


def filled(page: Path) -> str:
    """The text of ``page`` with each of its blocks made anew. Raises ValueError unless each is there once."""
    text = page.read_text(encoding="utf-8")
    for name, make in PAGES[page].items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = pattern.subn(partial(_between, make()), text)
        if count != 1:
            raise ValueError(f"{page.name} has {count} blocks {name!r}, not one")
    return text


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page), encoding="utf-8")
