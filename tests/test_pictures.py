"""README's pictures are the running screens on a recorded demo. One that no longer shows what the screens show fails.

pytest tests/test_pictures.py --make-pictures     makes them anew; then look at them
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from studio.project import Project
from studio.tui.app import StudioApp
from tests.tui.run_story import recorded_runs

ROOT = Path(__file__).resolve().parents[1]


def words_of(svg: str) -> list[str]:
    """What a picture says, without how it is drawn: that may differ between releases of the drawing library."""
    return [html.unescape(text).replace("\xa0", " ").rstrip() for text in re.findall(r"<text [^>]*>(.*?)</text>", svg)]


@pytest.mark.parametrize("screen", ["runs", "compare"])
async def test_the_picture_shows_what_the_screen_shows(
    screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    project = Project.init(tmp_path / "support-desk")
    recorded_runs(project)
    app = StudioApp(project, first_screen=screen)
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(3):  # one look at the runs, one load of what it found, one drawing of that
            app.poll_runs()
            await app.workers.wait_for_complete()
            await pilot.pause()
        if screen == "runs":
            await pilot.press("G")
            await pilot.pause()
        picture = app.export_screenshot(title="tune-studio")
    path = ROOT / "docs" / f"{screen}.svg"
    if request.config.getoption("--make-pictures"):
        path.write_text(picture, encoding="utf-8")
    assert words_of(picture) == words_of(path.read_text(encoding="utf-8")), "pytest --make-pictures, then look at it"
