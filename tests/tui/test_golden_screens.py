"""Every screen and dialog as a person has it, at 80×24 and 140×40, against text files that were looked at.

pytest tests/tui/test_golden_screens.py --make-pictures     makes them anew; then read the difference
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import duckdb
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.files import take_lock
from studio.project import Project
from studio.runs.directory import RunDirectory
from studio.tui.app import StudioApp
from tests.tui.data_story import NARROW, WIDE, press, project_with, shown
from tests.tui.resting import settle
from tests.tui.run_story import model_without_weights, recorded_runs
from tests.tui.test_try_screen import PlayedAnswerer

GOLDEN = Path(__file__).parents[1] / "golden" / "screens"
SETTINGS = 'base_model = "tiny"\nmax_length = 128\nlabeller = "anna"\n'

ROWS = [
    *(
        Candidate(f"Hello team, my {thing} (order {order}) {what}.", json.dumps(answer), task="tickets")
        for thing, order, what, answer in (
            ("router", 4102, "loses its connection every evening", {"product": "router", "intent": "repair"}),
            ("desk lamp", 7731, "never arrived", {"product": "lamp", "intent": "where is it"}),
            ("printer", 8812, "stopped working after two days, and I need it today!", {"product": "printer"}),
            ("headphones", 9001, "are the wrong colour; I ordered the blue ones", {"product": "headphones"}),
        )
    ),
    Candidate("Chào shop, tai nghe mình mua hôm qua bị hỏng một bên", '{"product": "tai nghe"}', task="tickets"),
    Candidate("注文した机のランプがまだ届きません", '{"product": "ランプ"}', task="tickets"),
    Candidate("thanks a lot, that was quick!", "friendly", task="tone"),
    Candidate("This is the third time I write. Nobody answers.", "annoyed", task="tone"),
    Candidate(f"Sum up:\n{'The customer asked about the parcel. ' * 6}", "A parcel is asked about.", task="summaries"),
    Candidate("where is\tmy order? \x1b[2J [bold]now[/bold]", '{"intent": "where is it"}', task="tickets"),
    *(Candidate(f"When does order {n} arrive?", json.dumps({"order": n}), task="tickets") for n in range(5000, 5030)),
]  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """Where a picture is taken: the project's folder, the screen, keys pressed there, what is done after them."""

    name: str
    screen: str = "data"
    keys: tuple[str, ...] = ()
    folder: str = "support-desk"
    then: Callable[[Pilot[None]], Awaitable[None]] | None = None


async def name_a_file(pilot: Pilot[None]) -> None:
    Path("new.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n{"question": "1 + 2?", "ans\n', "utf-8")
    line = pilot.app.focused
    assert isinstance(line, Input)
    line.value = "new.jsonl"


async def answer(pilot: Pilot[None]) -> None:
    pilot.app.screen.query_one(TextArea).text = "where is my order?"
    await press(pilot, "ctrl+j")
    answerer = PlayedAnswerer.newest
    request = {"id": answerer.asked[-1][0]}
    facts = {"tokens": 5, "tokens_per_second": 18.25, "prompt_tokens": 71}
    for reply in (
        {"ready": True},
        {**request, "arm": "base", "text": "I am sorry to hear that.\nLet me see"},
        {**request, "arm": "tuned", "text": '{"intent": "where is it"}'},
        {**request, "arm": "tuned", "done": True, **facts, "dtype": "bfloat16"},
    ):
        answerer.on_reply(reply)


SCENES = (
    Scene("data", keys=("a", "x", "s", "m", "enter", "j", "space", "g", "j", "j", "j", "j", "j")),
    Scene("data-filtered", keys=("h", "=", "[", "/", "o", "r", "d", "e", "r", "enter")),
    Scene("data-empty", folder="empty"),
    Scene("data-line", keys=("f",)),
    Scene("data-word", keys=("f", "r", "e")),
    Scene("columns", keys=("K", "j", "j", "space", "H")),
    Scene("data-columns", keys=("K", "j", "j", *["space"] * 15, "enter", "l", "l")),
    Scene("values", keys=("h", "F", "space")),
    Scene("reader", keys=("a", "j", "j", "enter")),
    Scene("data-mistake", keys=("f", "c", "o", "l", "o", "u", "r", "enter")),
    Scene("welcome", folder="nothing"),
    Scene("import", keys=("I",), then=name_a_file),
    Scene("edit", keys=("j", "e")),
    Scene("history", keys=("G", "i")),
    Scene("as-trained", keys=("M",)),
    Scene("help", keys=("?",)),
    Scene("window", screen="window", keys=("j",)),
    Scene("runs", screen="runs", keys=("j",)),
    Scene("runs-settings", screen="runs", keys=("j", "enter")),
    Scene("runs-lost", screen="runs", folder="lost", keys=("j",)),
    Scene("runs-none", screen="runs", folder="empty"),
    Scene("new-run", screen="runs", keys=("n",)),
    Scene("new-comparison", screen="runs", keys=("j", "b")),
    Scene("confirm", screen="runs", folder="running", keys=("j", "X")),
    Scene("compare", screen="compare", keys=("j",)),
    Scene("compare-plot", screen="compare", keys=("p",)),
    Scene("compare-none", screen="compare", folder="empty"),
    Scene("try", screen="try", then=answer),
    Scene("checks", screen="checks", keys=("j",)),
    Scene("checks-none", screen="checks", folder="empty"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with the project of a scene's folder in it, made once; each scene works on its own copy."""

    @cache
    def make(folder: str) -> Path:
        root = tmp_path_factory.mktemp(folder)
        project_in(root, folder)
        return root

    return make


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_the_screen_is_as_it_was_looked_at(
    scene: Scene,
    size: tuple[int, int],
    made: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)  # the model is named by its folder here, which no picture may depend on
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("studio.tui.screens.try_prompt.screen.Answerer", PlayedAnswerer)
    shutil.copytree(made(scene.folder), tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path / scene.folder)
    with a_live_run(project, monkeypatch) if scene.folder == "running" else nullcontext():
        app = StudioApp(project, first_screen=scene.screen)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            await press(pilot, *scene.keys)
            if scene.then is not None:
                await scene.then(pilot)
                await settle(pilot)
            picture = "\n".join(line.rstrip() for line in shown(pilot).splitlines()) + "\n"
    path = GOLDEN / f"{scene.name}-{size[0]}x{size[1]}.txt"
    if request.config.getoption("--make-pictures"):
        path.write_text(picture, encoding="utf-8")
    assert picture == path.read_text(encoding="utf-8"), "pytest --make-pictures, then read the difference"


def project_in(root: Path, folder: str) -> Project:
    """A project as a scene needs it: with rows and runs, empty, none at all, or with one run that is lost or lives."""
    model_without_weights(root / "tiny", context_window=512)
    if folder == "nothing":
        return Project(root / folder)
    project = Project.init(root / folder)
    project.settings_path.write_text(SETTINGS, encoding="utf-8")
    if folder == "empty":
        return project
    trained, *_ = recorded_runs(project)
    if folder in ("lost", "running"):
        lines = trained.events_path.read_text(encoding="utf-8").splitlines(keepends=True)
        trained.events_path.write_text("".join(lines[:40]), encoding="utf-8")
        trained.log_path.write_text("loading the model\nKilled\n", encoding="utf-8")
        return project
    project_with(root / folder, ROWS)
    with Store.open(project.store_path, "anna") as store:
        store.assign_splits(0.1, 0.1, 0)
        store.set_label([len(ROWS)], "reject")
        store.set_text(len(ROWS), "When will order 5029 arrive?", '{"order": 5029}')
    with duckdb.connect(project.store_path) as connection:
        connection.execute("update batches set done_at = timestamp '2026-01-05 10:32:00'")
    return project


def a_live_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> IO[str]:
    """The training's lock, held; the clock stands a second after its last event."""
    *_, trained = sorted(project.runs_path.iterdir())
    directory = RunDirectory(trained)
    last = json.loads(directory.events_path.read_text(encoding="utf-8").splitlines()[-1])
    monkeypatch.setattr("time.time", lambda: last["time"] + 1)
    monkeypatch.setattr("studio.runs.event_clock.steady_seconds", lambda: 0.0)
    return take_lock(directory.lock_path)


def test_every_picture_has_its_scene() -> None:
    names = {f"{scene.name}-{width}x{height}" for scene in SCENES for width, height in (NARROW, WIDE)}
    assert {path.stem for path in GOLDEN.iterdir()} == names
