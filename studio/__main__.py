"""The ``studio`` command. Imports nothing slow: each verb loads what it needs when it runs."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from studio.cli.app import app

    app()


if __name__ == "__main__":
    main()
