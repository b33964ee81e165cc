"""Other people's data at its worst: a project in which every text that somebody can give steers a terminal."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.files import write_whole
from studio.project import Project
from studio.reports.compare import compare_view
from studio.reports.visible import visible
from studio.runs.directory import FrozenRow, RunDirectory, write_rows
from studio.runs.events import ArmAsked, EventWriter, Failed, Finished, Preparing, Progressed, Started, Warned
from studio.runs.specs import CompareSpec, TrainSpec
from tests.tui.run_story import model_without_weights, write_steps

STEERING = (
    "\x1b]0;a title\x07",
    "\x1b]52;c;aGk=\x07",
    "\x1bc",
    "\x1bPq#0\x1b\\",
    "\x1b[6n",
    "\x1b[2J\x1b[H",
    "\x9b31;5m",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\u202elive\u202c",
    "\u2066x\u2069\u061c",
    "\u200b\ufeff\u2060",
    "rm -rf\roverwritten",
    "\x08\x08\x7f",
    "a\x0bb\x0cc\x85d\u2028e\u2029f",
    "\x0e\x0f\x05\x1a",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "[bold]x[/bold] [link=http://evil]y[/link] [@click=app.exit]z[/]",
    ":100: :skull:",
    "\U000e0041\U000e0042\ufff9",
)
# A file's, a run's or a person's name: everything but a slash and NUL may stand in it.
NAME = "n\x1b]0;t\x07\x1b[6n\u202e\x9b5m[red]:100:\rz"

# What the studio itself sends: colours, the cursor's place, whole frames at once, a part that is scrolled, a copy for
# the clipboard.
_OWN = re.compile(
    r"\x1b\[\d+;\d+r\x1b\[\d+;1H(?:\x1b[DM])+\x1b\[r|"
    r"\x1b\[[0-9;]*m|\x1b\[\d+;\d+H|\x1b\[\d+G|\x1b\[\?2026[hl]|\x1b\[\?25[hl]|\x1b\]52;c;[A-Za-z0-9+/=]*\x07|\x1b\]22;[a-z-]*\x07"
)


def unseen_in(written: str, own: re.Pattern[str] = _OWN) -> list[str]:
    """What in bytes for a terminal would steer it, or hide, and is not the studio's own; each with what is around."""
    rest = own.sub("", written).replace("\n", " ")
    return [rest[max(0, at - 20) : at + 20] for at, one in enumerate(rest) if visible(one) != one]


def hostile_project(root: Path) -> Project:
    """Twenty rows, changed since two trainings began, and a comparison; folder, person and model are of such names."""
    model = model_without_weights(root / f"model {NAME}", context_window=512)
    project = Project.init(root / f"desk {NAME}")
    settings = {"base_model": str(model), "labeller": f"anna {NAME}"}
    text = "max_length = 64\n" + "\n".join(f"{name} = {_toml(value)}" for name, value in settings.items())
    project.settings_path.write_text(text, encoding="utf-8")
    with Store.open(project.store_path, f"anna {NAME}") as store:
        rows = [
            Candidate(f"ask {one} {n}", f"say {one}", task=f"task {STEERING[n % 3]}", system=f"be {one}")
            for n, one in enumerate(STEERING)
        ]
        store.add([replace(row, source=f"{NAME}.csv", line=n) for n, row in enumerate(rows, 1)], f"{NAME}.csv")
        version = store.create_version(note=f"note {NAME}").name
        store.set_text(2, f"changed {STEERING[0]}")
        store.set_mark([1, 2], True, f"note {NAME}")
        store.set_label([3, 4], "accept")
        store.assign_splits(0.3, 0.2)
    failed_training(project, version)
    comparison(project)
    live_training(project, version)  # the newest, which Runs begins with
    return project


def failed_training(project: Project, version: str) -> RunDirectory:
    directory = _run(project, f"train {NAME}", TrainSpec(base_model=NAME, tasks=(NAME,), version=version).to_json())
    events = EventWriter(directory.events_path)
    events.write(Started(pid=0, host=NAME, kind="train"))
    events.write(Preparing(message=f"loading {NAME}"))
    write_steps(events, 1, 12)
    events.write(Warned(step=3, message=f"warned {NAME}"))
    events.write(Failed(message=f"failed {NAME}", hint=f"hint {NAME}"))
    events.close()
    directory.log_path.write_text("\n".join(f"log {one}" for one in STEERING), encoding="utf-8")
    return directory


def live_training(project: Project, version: str) -> RunDirectory:
    """It lives for as long as somebody holds its lock."""
    spec = TrainSpec(base_model=NAME, where=f"task = '{NAME}'", version=version)
    directory = _run(project, f"live {NAME}", spec.to_json())
    events = EventWriter(directory.events_path)
    events.write(Started(pid=0, host=NAME, kind="train"))
    events.write(Preparing(message=f"loading {NAME}"))
    write_steps(events, 1, 12)
    events.close()
    directory.log_path.write_text(NAME, encoding="utf-8")
    return directory


def comparison(project: Project) -> RunDirectory:
    rows = [FrozenRow(n, f"task {one}", f"ask {one}", f"say {one}") for n, one in enumerate(STEERING, 1)]
    spec = CompareSpec(base_model=NAME, run_id=f"train {NAME}", arms=("zero_shot", "tuned"))
    directory = _run(project, f"compare {NAME}", spec.to_json())
    write_rows(directory.rows_path("test"), rows)
    write_rows(directory.rows_path("train"), [replace(row, example_id=99) for row in rows])
    events = EventWriter(directory.events_path)
    events.write(Started(pid=0, host=NAME, kind="compare"))
    for arm in spec.arms:
        events.write(ArmAsked(arm=arm, max_new_tokens=32, prompts=len(rows), left_out=0, prompt_tokens_mean=71.0))
        events.write(Progressed(arm=arm, done=len(rows), total=len(rows), tokens_per_second=90.0))
    events.write(Finished(seconds=4.0))
    events.close()
    facts = {"tokens": 9, "latency_seconds": 0.4, "prompt_tokens": 71, "is_cut": False}
    answers = [
        {"key": f"{arm}{row.example_id}", "arm": arm, "example_id": row.example_id, "task": row.task}
        | {"text": row.completion + (NAME if arm == "tuned" else ""), **facts}
        for arm in spec.arms
        for row in rows
    ]
    directory.predictions_path.write_text("\n".join(map(json.dumps, answers)) + "\n", encoding="utf-8")
    directory.scores_path.write_text(json.dumps(compare_view(rows, answers).comparison.to_dict()), encoding="utf-8")
    return directory


def hostile_files(folder: Path) -> dict[str, Path]:
    """Files to import: good rows; a header, lines and columns that cannot be used; each by a hostile name."""
    folder.mkdir(exist_ok=True)
    rows = [{"prompt": f"new {one}", "completion": one, "task": one} for one in STEERING]
    texts = {
        "good.jsonl": "\n".join(map(json.dumps, rows)),
        "header.csv": f"que{NAME}stion,{STEERING[0]}\n1,2\n",
        "lines.jsonl": "\n".join(["{" + one for one in STEERING] + [json.dumps({"prompt": 1, NAME: 2})]),
        "columns.jsonl": json.dumps({f"ask {NAME}": "1", f"say {STEERING[1]}": "2"}),
    }
    files = {}
    for name, text in texts.items():
        files[name] = folder / f"{NAME} {name}"
        files[name].write_text(text, encoding="utf-8")
    return files


def _run(project: Project, run_id: str, spec: str) -> RunDirectory:
    directory = RunDirectory(project.runs_path / run_id)
    directory.path.mkdir(parents=True)
    directory.process_path.write_text("{}")
    write_whole(directory.spec_path, spec)
    return directory


def _toml(value: str) -> str:
    """JSON's strings are TOML's, but for DEL and C1, which must be escaped there."""
    return re.sub("[\x7f-\x9f]", lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value))
