"""docs/adding.md is followed to the letter: in a copy of the studio, one new file and one line, and it is everywhere.

To add a recipe: write it into the page, and say in ``SEEN`` where its newcomer must be seen.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "adding.md"


@dataclass(frozen=True)
class Recipe:
    """``new`` and ``registry`` are paths below the root; ``addition`` is imports, then ``TUPLE = (..., newcomer)``."""

    name: str
    new: Path
    source: str
    registry: Path
    addition: str


def recipes() -> list[Recipe]:
    """The recipes of the page: each section with its two blocks, whose info strings name the files."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name = section.partition("\n")[0]
        blocks = re.findall(r"^```python (\S+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        (new, source), (registry, addition) = blocks
        found.append(Recipe(name, Path(new), source, Path(registry), addition))
    return found


def with_addition(registry: str, addition: str) -> str:
    """The text of a tuple's file with the imports of ``addition``, and its newcomer on its side of the ``...``."""
    *imports, assignment = ast.parse(addition).body
    name, elements = _assigned(assignment)
    found = tuple_in(registry, name)
    assert found is not None and len(elements) == 2, f"no tuple {name}, or not one newcomer beside ..."
    start, end = found
    inside = registry[start:end].strip().removesuffix(",")
    parts = [inside if ast.unparse(element) == "..." else ast.unparse(element) for element in elements]
    registry = f"{registry[:start]}\n    {parts[0]},\n    {parts[1]},\n{registry[end:]}"
    behind = max(
        (node.end_lineno or 0 for node in ast.parse(registry).body if isinstance(node, ast.ImportFrom)), default=0
    )
    lines = registry.splitlines(keepends=True)
    return "".join([*lines[:behind], *(f"{ast.unparse(node)}\n" for node in imports), *lines[behind:]])


def tuple_in(registry: str, name: str) -> tuple[int, int] | None:
    """Where the inside of the tuple ``name`` begins and ends in the text, as character offsets; None without one."""
    lines = registry.splitlines(keepends=True)
    for node in ast.parse(registry).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _target(node) == name and isinstance(node.value, ast.Tuple):
            at = node.value
            assert at.end_lineno and at.end_col_offset
            places = ((at.lineno, at.col_offset + 1), (at.end_lineno, at.end_col_offset - 1))
            start, end = (
                sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())
                for line, column in places
            )
            return start, end
    return None


def _assigned(node: ast.stmt) -> tuple[str, list[ast.expr]]:
    assert isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple), (
        "a recipe ends with TUPLE = (..., newcomer)"
    )
    return _target(node), node.value.elts


def _target(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def followed(recipe: Recipe, copy: Path) -> None:
    """Copy the studio and do in the copy what the recipe says."""
    shutil.copytree(ROOT / "studio", copy / "studio", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    assert not (copy / recipe.new).exists(), f"{recipe.new} is in the studio already"
    (copy / recipe.new).write_text(recipe.source, encoding="utf-8")
    registry = copy / recipe.registry
    registry.write_text(with_addition(registry.read_text(encoding="utf-8"), recipe.addition), encoding="utf-8")


def changed_files(copy: Path) -> set[Path]:
    """The files of the studio that the copy has otherwise or alone."""
    files = {path.relative_to(copy) for path in copy.glob("studio/**/*.*") if "__pycache__" not in path.parts}
    return {path for path in files if not _is_alike(ROOT / path, copy / path)}


def _is_alike(a: Path, b: Path) -> bool:
    return a.exists() and a.read_bytes() == b.read_bytes()


def shown_by(program: str, copy: Path, folder: Path, model: Path) -> dict[str, str]:
    """Heading → what ``program`` shows under it, in a fresh interpreter that has the copy for its studio.

    ``model`` is a tiny model's folder, for programs that train.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "STUDIO_CACHE": str(folder / "cache"),
        "COLUMNS": "200",
    }
    program = "import studio, sys; assert studio.__path__[0].startswith(sys.argv[1])\n" + SHOWING + program + TREE
    command = [sys.executable, "-c", program, str(copy), str(model)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = (part.partition("\n") for part in done.stdout.split("\n== ")[1:])
    return {heading: said for heading, _, said in parts}


# For the programs below: ``verb`` shows all that a verb says, ``show`` a value; each under a heading of its own.
SHOWING = """
from pathlib import Path
from typer.testing import CliRunner
def show(heading, value):
    print(f"\\n== {heading}\\n{value}")
def verb(line):
    from studio.cli.app import app
    show(line, CliRunner().invoke(app, line.split()).output)
"""
# ``made`` is a run directory of a tiny model with a few rows, ``train`` works on one here.
RUNS = """
import json, time
from studio.runs.directory import FrozenRow, new_run_directory, write_rows
from studio.runs.events import EventWriter
from studio.runs.specs import TrainSpec, read_spec, write_spec
from studio.worker.__main__ import work
from studio.worker.session import Session
model = Path(sys.argv[2])
def made(**settings):
    run = new_run_directory(Path("runs"), "train")
    write_rows(run.rows_path("train"), [FrozenRow(n, "", f"sky {n}", "it is blue") for n in range(4)])
    fixed = {"model_path": str(model), "dtype": "float32", "micro_batch_size": 2, "epochs": 1, "batch_size": 2}
    write_spec(run, TrainSpec(**fixed, **settings))
    return run
def train(**settings):
    run = made(**settings)
    work(Session(run, EventWriter(run.events_path)), read_spec(run))
    return run
"""
# The file tree of docs/architecture.md, made anew.
TREE = """
from docs.readme_blocks import tree
show("tree", tree())
"""


@dataclass(frozen=True)
class Seen:
    """A program that shows the newcomer wherever it must appear; heading → words that must stand under it."""

    program: str
    under: dict[str, str]


SEEN = {
    "A container": Seen(
        """
Path("rows.paragraphs").write_text("prompt: how are you\\ncompletion: well\\n\\nprompt: who\\ncompletion: me\\n")
Path("rows.unknown").write_text("?")
verb("import --help")
verb("init desk")
verb("-C desk import rows.paragraphs")
verb("-C desk show 2")
verb("-C desk import rows.unknown")
""",
        {
            "import --help": "or paragraphs",
            "-C desk import rows.paragraphs": "added 2 examples",
            "-C desk show 2": "completion\nme\n",
            "-C desk import rows.unknown": "paragraphs",
        },
    ),
    "A shape": Seen(
        """
Path("rows.jsonl").write_text('{"ask": "how many", "answers": ["twelve", "a dozen"]}\\n{"ask": 1, "answers": []}\\n')
verb("import --help")
verb("init desk")
verb("-C desk import rows.jsonl")
verb("-C desk show 1")
""",
        {
            "import --help": "a question with answers",
            "-C desk import rows.jsonl": "answers: needs a question and at least one answer",
            "-C desk show 1": "completion\ntwelve\n",
        },
    ),
    "A check": Seen(
        """
Path("rows.jsonl").write_text('{"prompt": "say it again", "completion": "say it again"}\\n')
verb("init desk")
verb("-C desk import rows.jsonl")
verb("-C desk check")
verb("-C desk check --only echo --json")
verb("-C desk check --only nothing")
from docs.checks_page import page
show("page", page())
""",
        {
            "-C desk check": "1 row repeats its prompt as the completion.",
            "-C desk check --only echo --json": '"check": "echo"',
            "-C desk check --only nothing": "echo",
            "page": "The model learns to repeat what it is asked.",
        },
    ),
    "A scorer": Seen(
        """
from studio.reports.compare import compare_table, compare_view, task_table
from studio.runs.directory import FrozenRow
row = FrozenRow(1, "sums", "2+2", "four")
answer = {"example_id": 1, "text": "five!", "is_cut": False, "prompt_tokens": 9, "latency_seconds": None}
answers = [{"arm": arm, **answer} for arm in ("zero_shot", "tuned")]
view = compare_view([row], answers)
show("compare --json", view.comparison.to_dict())
show("arms", "\\n".join(compare_table(view.comparison).lines()))
show("tasks", "\\n".join(task_table(view.comparison).lines()))
""",
        {"compare --json": "'same_length'", "arms": "same length", "tasks": "same length"},
    ),
    "A method": Seen(
        RUNS
        + """
verb("train --settings")
from studio.runs.specs import TrainSpec
show("form", TrainSpec.choices("method"))
show("rate", TrainSpec(method="norms").peak_learning_rate)
verb("init desk")
verb("-C desk train --set method=best")
run = train(method="norms")
show("events", run.events_path.read_text())
show("left", sorted(path.name for path in run.result_path("model").iterdir()))
from studio.worker.trying.arms import Arms
from studio.runs.arms.answering import Answering
base = Answering(str(model))
tuned = Answering(str(model), tuned_path=str(run.result_path("model")), tuned_method="norms")
messages = [{"role": "user", "content": "sky"}]
arms = [{"arm": arm, "answering": vars(of), "messages": messages} for arm, of in (("base", base), ("tuned", tuned))]
asked = {"dtype": "float32", "max_new_tokens": 2, "temperature": 0, "top_p": 1, "seed": 0, "arms": arms}
replies = Arms().answer(asked)
show("answers", sorted({reply["arm"] for reply in replies if reply.get("done")}))
""",
        {
            "train --settings": "norms trains the norms only",
            "form": "'norms'",
            "rate": "0.001",
            "-C desk train --set method=best": "norms",
            "events": '"event": "finished"',
            "left": "model.safetensors",
            "answers": "['base', 'tuned']",
        },
    ),
    "A model family": Seen(
        """
import json
from studio.errors import StudioError
from studio.tokens.families import family_of
from studio.tokens.tokenizer import ModelFolder
from studio.worker.families import family_in
whisper = {"model_type": "whisper", "is_encoder_decoder": True}
for name, config in (("own", {"model_type": "mamba"}), ("other", whisper)):
    Path(name).mkdir()
    Path(name, "config.json").write_text(json.dumps(config))
show("own", family_of(ModelFolder(Path("own"))).name)
show("work", family_in(Path("own")).learner.__doc__)
try:
    show("other", family_of(ModelFolder(Path("other"))))
except StudioError as error:
    show("other", error.hint)
""",
        {"own": "stateful", "work": "every row is computed from its first token", "other": "stateful"},
    ),
    "An arm": Seen(
        """
verb("compare --help")
verb("compare --settings")
from studio.runs.directory import FrozenRow
from studio.runs.specs import CompareSpec
(arm,) = CompareSpec(arms=("shortest:1",)).parsed_arms
pool = [FrozenRow(1, "sums", "a long prompt", "and answer"), FrozenRow(2, "sums", "2+2", "4")]
show("shot", arm.prompting.examples(pool, "sums", 0)(pool[0])[0].prompt)
verb("init desk")
verb("-C desk compare --arms best")
""",
        {
            "compare --help": "shortest:k",
            "compare --settings": "shortest:k",
            "shot": "2+2",
            "-C desk compare --arms best": "shortest:k",
        },
    ),
    "A place": Seen(
        RUNS
        + """
verb("train --settings")
verb("compare --settings")
import os
from studio.runs.process import log_tail, submit
from studio.runs.specs import TrainSpec
from studio.runs.watch import RunWatch
from studio.tui.dialogs.form import fields_of
show("form", [field.choices for field in fields_of(TrainSpec(), ("epochs",), values={}, notes={})])
run = made(place="quiet")
submit(run)
watch = RunWatch(run)
show("priority", os.getpriority(os.PRIO_PROCESS, json.loads(run.process_path.read_text())["pid"]))
while (state := watch.poll()).is_live:
    time.sleep(0.05)
show("status", state.status)
""",
        {
            "train --settings": "quiet (a process on this machine, behind all others)",
            "compare --settings": "quiet (a process on this machine, behind all others)",
            "form": "'quiet'",
            "priority": "19",
            "status": "finished",
        },
    ),
    "A watchdog": Seen(
        RUNS
        + """
verb("train --settings")
verb("init desk")
verb("-C desk train --set watchdogs=mood=stop")
from studio.runs.watchdogs import WATCHDOGS, actions_from
from studio.runs.watchdogs.watchdog import SeenStep
show("action", actions_from(["explosion=rollback"])["explosion"])
dog = WATCHDOGS[-1]()
steps = [SeenStep(n, 9, 1.0, norm, 1e-3, 9.0, 1.0) for n, norm in ((1, 2.0), (2, 30.0))]
show("said", [dog.on_step(step) for step in steps])
""",
        {
            "train --settings": "explosion",
            "-C desk train --set watchdogs=mood=stop": "explosion",
            "action": "rollback",
            "said": "the gradient norm is 30",
        },
    ),
    "A report format": Seen(
        """
verb("report --help")
from studio.acts.reporting import write_report
from studio.reports.document.blocks import Document
report = Document("Comparison compare-1", "tuned wins", (), (), {})
write_report(report, Path("report.txt"))
show("written", Path("report.txt").read_text())
try:
    write_report(report, Path("report.pdf"))
except Exception as error:
    show("refused", error)
""",
        {"report --help": ".txt", "written": "tuned wins", "refused": ".txt"},
    ),
}


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_takes_one_new_file_and_one_line_and_its_newcomer_is_everywhere(
    recipe: Recipe, tmp_path: Path, tiny_model_folder: Path
) -> None:
    copy = tmp_path / "copy"
    followed(recipe, copy)
    assert changed_files(copy) == {recipe.new, recipe.registry}
    seen = SEEN[recipe.name]
    parts = shown_by(seen.program, copy, tmp_path, tiny_model_folder)
    for heading, words in {**seen.under, "tree": recipe.new.name}.items():
        assert words in parts[heading] or words in " ".join(parts[heading].split()), (
            f"{words!r} is not under {heading!r}:\n{parts[heading]}"
        )


def test_every_section_of_the_page_is_followed() -> None:
    headings = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == list(SEEN)


@pytest.mark.parametrize(
    ("tuple_", "addition", "values"),
    [
        ("ALL: tuple[str, ...] = (a,)", "from x import b\nALL = (..., b)", ["a", "b"]),
        ("ALL = (\n    a,  # é\n    c,\n)", "from x import b\nALL = (..., b)", ["a", "c", "b"]),
        ("ALL = (a, c)", "from x import b\nALL = (b, ...)", ["b", "a", "c"]),
        ("ALL = (a(1), c)", 'ALL = (..., a("é", of=2))', ["a(1)", "c", "a('é', of=2)"]),
    ],
)
def test_a_newcomer_stands_on_its_side_of_the_dots_and_its_import_behind_the_others(
    tuple_: str, addition: str, values: list[str]
) -> None:
    before = "from y import (\n    a,\n    c,\n)\n"
    *imports, assigned = ast.parse(with_addition(f"{before}\n{tuple_}\nlast = 1\n", addition)).body[:-1]
    assert isinstance(assigned, ast.Assign | ast.AnnAssign) and isinstance(assigned.value, ast.Tuple)
    assert [ast.unparse(value) for value in assigned.value.elts] == values
    assert [ast.unparse(node) for node in imports][1:] == addition.splitlines()[:-1]
