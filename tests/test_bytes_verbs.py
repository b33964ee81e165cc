"""No verb sends a byte of data to the terminal: each in a real one, over twenty hostile rows and names, errors too."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from studio.cli.app import VERBS, app
from studio.cli.common import Verb
from studio.project import Project
from tests.hostile import NAME, STEERING, hostile_files, hostile_project, unseen_in
from tests.verbs_in_a_row import PARTED, AnsweredAtOnce

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "recorded" / "compare-1125-043826-df"
# What verbs send: colours, and the moves of a progress bar that draws itself anew.
OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]|\r\n|\r?\x1b\[[12]?[AK]")
Line = list[str]


def leaves(verbs: Sequence[Verb], before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for verb in verbs:
        found += leaves(verb.children, (*before, verb.name)) if verb.children else [(*before, verb.name)]
    return found


def stories(root: Path, desk: Project, files: dict[str, Path]) -> dict[str, list[Line]]:
    """Each verb with data that it shows, and with what it refuses, by its name."""
    scored, live = f"scored {NAME}", f"live {NAME}"
    shutil.copytree(RECORDED, desk.runs_path / scored)
    scores = (RECORDED / "scores.json").read_text(encoding="utf-8").replace('"tickets"', json.dumps(f"task {NAME}"))
    (desk.runs_path / scored / "scores.json").write_text(scores, encoding="utf-8")
    broken = Project.init(root / f"broken {NAME}")
    broken.settings_path.write_text(f"[keys]\n{json.dumps(NAME)} = 1\n", encoding="utf-8")
    config = root / f"config {NAME}.toml"
    config.write_text(f"{json.dumps(NAME)} = 1\n", encoding="utf-8")
    no_text = root / "bad\udcff.jsonl"
    no_text.write_text('{"prompt": "from a file", "completion": "whose name is no text"}', encoding="utf-8")
    good, header, lines, columns = (str(files[name]) for name in files)
    return {
        "open": [[str(broken.root)]],
        "demo": [["--dir", NAME]],
        "init": [
            [str(root / f"new {NAME}"), "--base-model", "x"],
            [str(files["good.jsonl"])],
            [str(root / "bad\udcff")],
        ],
        "import": [
            [good],
            [good, "--json"],
            [lines],
            [lines, "--json"],
            [header],
            [columns],
            [good, "--map", NAME],
            [good, "--task", f"made {NAME}", "--template", f"{{{{ prompt }}}} {NAME}"],
            [good, "--template", f"{{{{ {NAME} }}}}"],
            [str(no_text)],
        ],
        "undo": [[]],
        "completion": [["bash"], [NAME]],
        "redo": [[]],
        "stats": [[], ["--json"]],
        "show": [["2"], ["3", "--json"], ["4", "--tokens"], ["5", "--tokens", "--json"]],
        "rows": [[], ["--json"], ["--search", NAME], ["--sort", f"{NAME}:desc"], ["--where", f"task = '{NAME}'"]],
        "label": [["accept", "1"], [NAME, "1"], ["skip", "--where", f"task = '{NAME}'"]],
        "split": [["--json"]],
        "window": [[], ["--json"], ["--model", NAME]],
        "export": [["-"], [str(root / f"out {NAME}.jsonl")], [str(root / f"out {NAME}")]],
        "check": [[], ["--json"], ["--only", NAME]],
        "agreement": [[], ["--json"], ["--where", f"task = '{NAME}'"]],
        "models list": [[], ["--json"]],
        "models get": [[NAME]],
        "train": [["--config", str(config)], ["--set", f"{NAME}=1"], ["--set", f"where={NAME}"]],
        "runs": [[], ["--json"]],
        "watch": [["train"], ["live"], [live, "--json"]],
        "stop": [[NAME], ["train"]],
        "resume": [[NAME], ["compare"]],
        "pause": [[NAME], ["train"], ["compare"]],
        "checkpoint": [[NAME], ["train"]],
        "extend": [[NAME, "--epochs", "3"], ["train", "--steps", "9"]],
        "losses": [["train"], ["train", "--json"], ["train", "--split", NAME], [NAME]],
        "run rename": [["train", NAME], [NAME, "x"]],
        "run step": [["train", "1"], [NAME, "1"]],
        "run samples": [["train"], ["train", "--json"], [NAME]],
        "run diff": [["train", "compare"], ["train", "compare", "--json"], ["train", NAME]],
        "run note": [["train", NAME]],
        "advise": [[], ["--json"], ["--learning-curve", NAME]],
        "judge": [[scored, "--endpoint", NAME], [scored, "--endpoint", "x", "--arms", NAME], [NAME, "--endpoint", "x"]],
        "compare": [
            ["--show", scored, "--by-task"],
            ["--show", scored, "--scores"],
            ["--dry-run", "--arms", "zero_shot", "--set", f"primary={NAME}"],
            ["--show", scored, "--json"],
            ["--show", "train"],
            ["--run", NAME],
        ],
        "votes": [["compare"], ["compare", "--json"], [NAME], ["compare", "-o", str(root / f"out {NAME}.jsonl")]],
        "send-back": [["compare"], ["train", "--which", "worst"], [NAME], ["compare", "--which", NAME]],
        "again": [["compare", "--dry-run"], [NAME]],
        "comparisons": [[], ["--json"], ["--by-task"], ["--task", NAME]],
        "version create": [[f"v {NAME}", "--note", NAME], [f"v {NAME}"], ["x", "--as-of", NAME]],
        "version list": [[], ["--json"]],
        "version show": [[f"v {NAME}"], [f"v {NAME}", "--json"], [f"no {NAME}"]],
        "version diff": [[f"v {NAME}"], [f"v {NAME}", "--json"], [f"v {NAME}", NAME]],
        "version export": [[f"v {NAME}", "-"], [f"v {NAME}", str(root / f"version {NAME}.jsonl")], [NAME, "-"]],
        "lock": [["--reason", NAME], ["--show"], ["--show", "--json"]],
        "unlock": [["--reason", NAME], []],
        "since": [["train"], ["train", "--json"], ["train", "--train", NAME], [NAME]],
        "merge": [["train"], ["train", "--dtype", NAME], ["train", "--checkpoint", NAME], [NAME]],
        "models add": [[NAME], [good], [str(root), "--name", NAME]],
        "models rm": [[NAME], [NAME, "--force"]],
        "card": [[], ["--licence", NAME], [str(root / f"card {NAME}.md")], [str(root / f"card {NAME}.md")]],
        "task rename": [[f"task {STEERING[0]}", f"task {NAME}"], [NAME, "x"]],
        "template list": [[]],
        "template apply": [
            [NAME],
            [f"made {NAME}", "--template", f"{{{{ prompt }}}} again {NAME}"],
            [f"made {NAME}", "--template", f"{{% {NAME} %}}"],
            [f"made {NAME}", "--completion-template", f"{{{{ {NAME} }}}}"],
        ],
        "report": [
            ["compare", "-o", str(root / f"report {NAME}.html")],
            ["train", "-o", str(root / f"report {NAME}.md")],
            ["train", "-o", str(root / f"report {NAME}")],
            [NAME],
        ],
        "try": [["where?"], ["where?", "--json"], ["where?", "--model", NAME], ["where?", "--run", "compare"]],
    }


def asked_wrongly(desk: Project) -> list[Line]:
    """Every verb with an option that there is not, too many words, and a hostile value for each of its options."""
    lines: list[Line] = [[NAME], [f"--{NAME}"]]
    root: Any = typer.main.get_command(app)
    for path in leaves(VERBS):
        command = root
        for name in path:
            command = command.commands[name]
        lines += [[*path, f"--{NAME}"], [*path, *[NAME] * 9]]
        options = (one for one in command.params if one.param_type_name == "option" and not one.is_flag)
        lines += [[*path, one.opts[0], NAME] for one in options if path != ("open",)]
    return [*(["-C", str(desk.root), *line] for line in lines), ["-C", NAME, "stats"]]


def said_in_a_terminal(lines: Sequence[Line], folder: Path) -> list[tuple[Line, str, int]]:
    """Each command line with all that its terminal got, and its exit code."""
    asked = folder / "lines.json"
    asked.write_text(json.dumps(lines), encoding="utf-8")
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "STUDIO_CACHE": str(folder), "USER": NAME}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.verbs_in_a_row", str(asked)],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=env, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b"n\n" * 99)  # to whatever a verb asks
    got = b""
    try:
        while piece := os.read(ours, 1 << 16):
            got += piece
    except OSError:  # Linux's word for the end of a terminal
        pass
    os.close(ours)
    assert process.wait() == 0
    parts = re.split(rf"\r\n{PARTED}\d+\r\n", got.decode("utf-8"))[1:]
    ended = [re.fullmatch(rf"(.*)\r\n{PARTED}=(\d+)\r\n", part, re.DOTALL) for part in parts]
    assert len(parts) == len(lines) and all(ended)
    return [(line, one[1], int(one[2])) for line, one in zip(lines, ended, strict=True) if one]


@pytest.fixture
def desk(tmp_path: Path) -> Project:
    return hostile_project(tmp_path)


def test_no_verb_sends_bytes_of_data_to_the_terminal(desk: Project, tmp_path: Path) -> None:
    told = stories(tmp_path, desk, hostile_files(tmp_path / "files"))
    assert set(told) == {" ".join(path) for path in leaves(VERBS)}, "a verb without a story here is not looked at"
    lines = [["-C", str(desk.root), *name.split(), *rest] for name, all_of_it in told.items() for rest in all_of_it]
    heard = said_in_a_terminal(lines, tmp_path)
    for line, said, code in heard:
        assert not unseen_in(said, OWN), line[2:]
        assert "Traceback" not in said and (code in (0, 1, 2)) and said.strip(), (line, said)
        assert "💯" not in said
    assert sum("␛]0;t␇" in said for _, said, _ in heard) > 20, "the data was shown, as symbols"


def test_no_verb_asked_wrongly_sends_its_arguments_to_the_terminal(desk: Project, tmp_path: Path) -> None:
    for line, said, code in said_in_a_terminal(asked_wrongly(desk), tmp_path):
        assert not unseen_in(said, OWN), line
        assert code in (0, 1, 2) and "Traceback" not in said, (line, said)
        assert "💯" not in said


def test_a_pipe_gets_an_answer_exactly_as_the_model_gave_it(desk: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.acts.trying.Answerer", AnsweredAtOnce)
    piped = CliRunner().invoke(app, ["-C", str(desk.root), "try", "where?"])
    assert piped.stdout == "".join(STEERING) + "\n"
    as_json = CliRunner().invoke(app, ["-C", str(desk.root), "try", "where?", "--json"]).stdout
    assert json.loads(as_json)["arms"]["zero_shot"]["text"] == "".join(STEERING)
    assert not unseen_in(as_json)
