"""The command line that ``C`` copies: a shell reads it as it was meant, and pasting it steers no terminal."""

from __future__ import annotations

import subprocess
from pathlib import Path

from studio.reports.visible import visible
from studio.tui.screens.data.view import DataView, equals
from tests.hostile import NAME, STEERING


def words_of(command: str) -> list[str]:
    """The words of a command line, as bash parts them."""
    result = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    return result.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def test_a_command_of_a_hostile_filter_is_read_back_and_shows_what_it_does() -> None:
    for one in (*STEERING, "it's \\ and \x1b[201~\nrm -rf /\n", "plain"):
        view = DataView().filtered(equals("prompt", one))
        command = view.command(Path(f"/tmp/{NAME}\udcff"))
        assert words_of(command) == [*f"studio -C /tmp/{NAME}\udcff export view.jsonl --where".split(" "), view.where]
        assert visible(command, single_line=True) == command


def test_a_plain_command_is_quoted_as_ever() -> None:
    view = DataView(("label = 'accept'",))
    assert view.command(Path("desk")) == "studio -C desk export view.jsonl --where 'label = '\"'\"'accept'\"'\"''"
