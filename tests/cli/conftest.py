"""What the stories of verbs share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from studio.cli.app import app
from studio.project import Project

Studio = Callable[..., Result]


@pytest.fixture
def studio(project: Project) -> Studio:
    """A verb on the test's ``project``, in this process; ``piped`` is what comes in on stdin."""

    def run(*arguments: str, piped: str = "") -> Result:
        return CliRunner().invoke(app, ["-C", str(project.root), *arguments], input=piped)

    return run
