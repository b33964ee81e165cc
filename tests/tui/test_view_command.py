"""The command line that ``C`` copies: a shell reads it as it was meant, and pasting it steers no terminal."""

from __future__ import annotations

import subprocess
from pathlib import Path

from typer.testing import CliRunner

from studio.cli.app import app
from studio.reports.visible import visible
from studio.tui.screens.data.view import DataView, equals
from tests.hostile import NAME, STEERING
from tests.tui.data_story import project_with, tickets


def words_of(command: str) -> list[str]:
    """The words of a command line, as bash parts them."""
    result = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    return result.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def test_a_command_of_a_hostile_filter_is_read_back_and_shows_what_it_does() -> None:
    for one in (*STEERING, "it's \\ and \x1b[201~\nrm -rf /\n", "plain"):
        view = DataView().filtered(equals("prompt", one))
        command = view.command(Path(f"/tmp/{NAME}\udcff"))
        assert words_of(command) == [*f"studio -C /tmp/{NAME}\udcff rows --where".split(" "), view.where]
        assert visible(command, single_line=True) == command


def test_a_plain_command_is_quoted_as_ever() -> None:
    view = DataView(("label = 'accept'",))
    assert view.command(Path("desk")) == "studio -C desk rows --where 'label = '\"'\"'accept'\"'\"''"


def test_a_command_run_twice_says_the_same_twice_and_in_the_order_of_the_view(tmp_path: Path) -> None:
    project = project_with(tmp_path / "desk", tickets(4))
    view = DataView(("example_id > 1",)).sorted_by("task", descending=False).sorted_by("example_id", descending=True)
    words = words_of(view.command(project.root))
    assert words[-2:] == ["--sort", "task,example_id:desc"]
    for _ in range(2):  # it was an export, which found its own file there and failed
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0
        assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["4", "3", "2"]
