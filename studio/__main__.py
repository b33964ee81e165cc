"""The ``studio`` command. Imports nothing slow: each verb loads what it needs when it runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from studio.cli import ASKED_BY
from studio.errors import StudioError
from studio.reports.streams import guard_streams


def main() -> None:
    """Run the command line."""
    guard_streams()
    if ASKED_BY in os.environ:
        _answer_shell()
        return
    match sys.argv[1:]:
        # The commonest start needs no parser; without it a quarter of the time to the first frame goes.
        case [] | ["open"]:
            _open(Path(os.environ.get("STUDIO_PROJECT", ".")))
        case ["open", directory] if not directory.startswith("-"):
            _open(Path(directory))
        case _:
            from studio.cli.ending import ending_in_words

            with ending_in_words():
                from studio.cli.app import app

                app()


def _answer_shell() -> None:
    import typer.main

    from studio.cli.app import app
    from studio.cli.completion import answer_shell

    answer_shell(typer.main.get_command(app))


def _open(directory: Path) -> None:
    from studio.project import Project
    from studio.tui.app import run

    try:
        run(Project(directory))
    except StudioError as error:
        from studio.cli.printing import say_error

        say_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
