"""The verb that writes a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.project import Project
from tests.cli.conftest import Studio
from tests.tui.run_story import comparison


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


def test_a_report_is_named_by_its_run_where_no_file_is(
    studio: Studio, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison(project, "compare-1")
    monkeypatch.chdir(tmp_path)
    assert studio("report", "compare").stderr == "wrote compare-1.html\n"
    again = studio("report", "compare")
    assert (again.exit_code, "--force replaces it" in again.stderr) == (2, True)
    assert studio("report", "compare", "-o", "r.md").exit_code == 0
    wrong = studio("report", "compare", "-o", "r.pdf")
    assert (wrong.exit_code, "Use .html, .md or .json" in wrong.stderr) == (2, True)
