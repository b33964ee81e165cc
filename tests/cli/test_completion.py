"""Completion of the command line: what is offered, and that bash, zsh and fish really put it there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import typer.main

from studio.cli.app import VERBS, app
from studio.cli.common import Verb
from studio.cli.completion import SCRIPTS
from studio.cli.offers import SHELLS, VALUES, Answer, answer_for
from studio.cli.shells import Typed, lines_for_bash, typed_in
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.runs.directory import new_run_directory
from studio.runs.naming import Naming, write_naming
from studio.runs.specs import TrainSpec, write_spec

ROOT: Any = typer.main.get_command(app)
REPOSITORY = Path(__file__).parents[2]
COSTLY = '$(touch costly); it\'s; "two" words!'
# Anything can stand there.
FREE = frozenset({"COLUMNS", "ID", "K", "N", "NAME", "PROMPT", "SHARE", "STEP", "TEXT", "WHEN"})
PATIENCE_SECONDS = 30
HOME, ENTER = "\x01", "\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a named run, three tasks (one of them hostile, one that steers a terminal) and a model."""
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "models" / "org--tiny").mkdir(parents=True)
    project = Project.init(tmp_path / "desk")
    directory = new_run_directory(project.runs_path, "train")
    directory.path.rename(project.runs_path / "train-1125-100000-aa")
    (run,) = project.runs_path.iterdir()
    write_spec(type(directory)(run), TrainSpec(base_model="x"))
    write_naming(run / "naming.json", Naming("lower rate"))
    with Store.open(project.store_path, "anna") as store:
        tasks = ("tickets", "tickets", "tone", COSTLY, "t\x1b]0;title\x07")
        store.add([Candidate(f"p{number}", "c", task) for number, task in enumerate(tasks)], "")
        store.create_version("before mending")
    return project


def offered(line: str, project: Project) -> list[str]:
    typed = typed_in(f"studio {line}")
    return [offer.word for offer in answer_for(ROOT, typed.words, typed.begun, project.root).offers]


def paths(line: str, project: Project) -> str:
    typed = typed_in(f"studio {line}")
    return answer_for(ROOT, typed.words, typed.begun, project.root).paths


LABEL_COLUMNS = ("label", "labelled_by", "labelled_at")


class TestWhatIsOffered:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("ru", ["runs", "run"]),
            ("models ", ["list", "get", "add", "rm"]),
            ("rows --s", ["--search", "--sort"]),
            ("rows --sort total_tokens,ta", ["total_tokens,task", "total_tokens,task:desc"]),
            ("rows --sort=tas", ["--sort=task", "--sort=task:desc"]),
            ("rows --where \"task = 'label' and labe", ["task = 'label' and " + name for name in LABEL_COLUMNS]),
            ("rows --where \"task = 'lab", []),
            ("rows --where 'starts_w", ["starts_with("]),
            ("label a", ["accept"]),
            ("watch ", ["train-1125-100000-aa", "lower rate"]),
            ("watch lower\\ r", ["lower rate"]),
            ("run note tr", ["train-1125-100000-aa"]),
            ("compare --run low", ["lower rate"]),
            ("train --set lora_r", ["lora_rank="]),
            ("train --set lora_rank=", ["lora_rank=16"]),
            ("train --set overlong=trun", ["overlong=truncate_prompt", "overlong=truncate_completion"]),
            ("train --set tasks=tickets,to", ["tasks=tickets,tone"]),
            ("train --set labels=accept,", ["labels=accept,skip", "labels=accept,none"]),
            ("train --set nosuch=", []),
            ("compare --set sp", ["split="]),
            (
                "compare --arms zero_shot,",
                [f"zero_shot,{arm}" for arm in ("one_shot", "few_shot:5", "rag:5", "tuned", "model:", "endpoint:")],
            ),
            ("compare --split ", ["validation", "test"]),
            ("import --task ti", ["tickets"]),
            ("export out.jsonl --shape pa", ["pair"]),
            ("import pairs.csv --template cl", ["classify"]),
            ("template apply mine --template sum", ["summarise"]),
            ("task rename tick", ["tickets"]),
            ("task rename tickets to", ["tone"]),
            ("version show ", ["before mending"]),
            ("version diff before\\ mending n", ["now"]),
            ("since --train c", ["continue"]),
            ("split --by n", ["near"]),
            ("check --only exact", ["exact_duplicates"]),
            ("check --fail-on w", ["warning"]),
            ("models get ", ["org/tiny", "smollm2-135m-instruct"]),
            ("init x --base-model o", ["org/tiny"]),
            ("completion ", ["bash", "zsh", "fish"]),
            ("stats ", ["--json", "--help"]),
            ("stats -- ", ["--json", "--help"]),
            ("nosuch ", []),
            ("split --test ", []),
        ],
    )
    def test_what_can_stand_there(self, project: Project, line: str, words: list[str]) -> None:
        assert offered(line, project) == words

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            ("import ", "files"),
            ("import a.jsonl ", "files"),
            ("export ", "files"),
            ("train --config ", "files"),
            ("open ", "folders"),
            ("-C ", "folders"),
            ("try hi --model ./", "folders"),
            ("try hi --model ", ""),
        ],
    )
    def test_files_and_folders_are_left_to_the_shell(self, project: Project, line: str, kind: str) -> None:
        assert paths(line, project) == kind

    def test_the_project_is_the_one_that_the_line_names(self, project: Project, tmp_path: Path) -> None:
        words = ["-C", str(project.root), "watch"]
        assert [offer.word for offer in answer_for(ROOT, words, "low", tmp_path).offers] == ["lower rate"]
        assert answer_for(ROOT, ["watch"], "", tmp_path) == Answer()

    def test_a_task_that_would_steer_the_terminal_is_not_offered(self, project: Project) -> None:
        assert offered("import --task ", project) == ["tickets", COSTLY, "tone"]

    def test_tasks_are_left_out_where_the_store_is_held_and_nobody_is_kept_from_it(self, project: Project) -> None:
        with Store.open(project.store_path, "anna"):
            held = subprocess.run(
                [sys.executable, "-m", "studio", "-C", str(project.root), "import", "--task", ""],
                env=os.environ | {"_STUDIO_COMPLETE": "zsh"},
                capture_output=True,
                text=True,
                check=True,
            )
        assert (held.stdout, held.stderr) == ("words\n", "")

    def test_a_look_at_the_tasks_leaves_no_trace(self, project: Project) -> None:
        before = {path: path.read_bytes() for path in project.root.iterdir() if path.is_file()}
        assert offered("import --task ti", project) == ["tickets"]
        assert {path: path.read_bytes() for path in project.root.iterdir() if path.is_file()} == before

    def test_everything_that_a_verb_takes_has_values_or_is_known_to_be_free(self) -> None:
        def metavars(command: Any) -> Iterator[tuple[str, str]]:
            for param in command.params:
                if not getattr(param, "is_flag", False):
                    yield command.name, param.metavar
            for child in getattr(command, "commands", {}).values():
                yield from metavars(child)

        known = {*VALUES, *FREE, "FILE", "FOLDER"}
        assert [(verb, metavar) for verb, metavar in metavars(ROOT) if metavar not in known] == []

    def test_every_verb_and_every_option_is_offered(self, project: Project) -> None:
        def check(verbs: tuple[Verb, ...], command: Any, line: str) -> None:
            assert offered(line, project) == [verb.name for verb in verbs]
            for verb in verbs:
                child = command.commands[verb.name]
                options = [one for one in child.params if one.param_type_name == "option"]
                found = offered(f"{line}{verb.name} --", project)
                assert found == [*(max(one.opts, key=len) for one in options), "--help"]
                if verb.children:
                    check(verb.children, child, f"{line}{verb.name} ")

        check(VERBS, ROOT, "")

    def test_completing_verbs_options_and_runs_loads_nothing_slow(self, project: Project) -> None:
        program = (
            "import sys; from studio.__main__ import main; main();"
            "print([name for name in ('duckdb', 'numpy', 'rich', 'textual', 'tokenizers') if name in sys.modules])"
        )
        for words in (["r"], ["rows", "--"], ["watch", ""], ["train", "--set", "l"], ["rows", "--sort", ""]):
            done = subprocess.run(
                [sys.executable, "-c", program, "-C", str(project.root), *words],
                env=os.environ | {"_STUDIO_COMPLETE": "zsh"},
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.splitlines()[0] in ("words", "open")
            assert len(done.stdout.splitlines()) > 2
            assert done.stdout.splitlines()[-1] == "[]"


class TestTheLineOfBash:
    @pytest.mark.parametrize(
        ("line", "typed"),
        [
            ("studio ru", Typed([], "ru")),
            ("studio ", Typed([], "")),
            ("studio rows '' ", Typed(["rows", ""], "")),
            ("studio -C a\\ b 'c d' \"e f", Typed(["-C", "a b", "c d"], "e f", '"')),
            ("studio --set a='b c", Typed(["--set"], "a=b c", "'", 2)),
            ("studio --set=a=b", Typed([], "--set=a=b", "", 8)),
            ('studio "a\\"b', Typed([], 'a"b', '"')),
        ],
    )
    def test_words_lose_their_quotes(self, line: str, typed: Typed) -> None:
        assert typed_in(line, " \t\n\"'@><=;|&(:") == typed

    @pytest.mark.parametrize("quote", ["", "'", '"'])
    def test_what_is_offered_is_one_word_to_bash_in_whatever_quotes(self, project: Project, quote: str) -> None:
        line = f"studio import --task {quote}$" if quote == "'" else f"studio import --task {quote}\\$"
        typed = typed_in(line)
        what, word = lines_for_bash(answer_for(ROOT, typed.words, typed.begun, project.root), typed)
        assert what == "words"
        shown = subprocess.run(["bash", "-c", f"printf %s {quote}{word}{quote}"], capture_output=True, text=True)
        assert (shown.stdout, shown.stderr) == (COSTLY, "")


INTERACTIVE = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
BEFORE = {"bash": "bind 'set enable-bracketed-paste off'", "zsh": "autoload -U compinit && compinit -u -D"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A PATH on which ``studio`` is this one, and a bare terminal."""
    bin_path = tmp_path / "bin"
    bin_path.mkdir()
    command = bin_path / "studio"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m studio "$@"\n')
    command.chmod(0o755)
    return os.environ | {
        "PATH": f"{bin_path}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "TERM": "dumb",
        "PS1": "> ",
        "HOME": str(tmp_path),
        "HISTFILE": "",
        "EDITOR": "",  # at vi, zsh would have vi's keys
        "VISUAL": "",
    }


def needs(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed here")


@pytest.mark.parametrize("name", INTERACTIVE)
def test_a_shell_at_a_terminal_completes_when_tab_is_pressed(
    name: str, project: Project, environment: dict[str, str]
) -> None:
    """What was completed is handed to printf, so that it is seen as the words that the shell makes of it."""
    needs(name)
    (project.root / "some pairs.jsonl").write_text("")
    command, *arguments = INTERACTIVE[name]
    with pexpect.spawn(
        command, arguments, cwd=str(project.root), env=environment, dimensions=(24, 200), timeout=PATIENCE_SECONDS
    ) as terminal:
        terminal.send(f'{BEFORE[name]}; eval "$(studio completion {name})"; echo "it is" ready\n')
        terminal.expect_exact("it is ready")
        for typed, became in [
            ("studio mod\tl\t", "[studio][models][list]"),
            ("studio watch tra\t", "[studio][watch][train-1125-100000-aa]"),
            ("studio watch low\t", "[studio][watch][lower rate]"),
            ("studio train --set overl\tdr\t", "[studio][train][--set][overlong=drop]"),
            ("studio compare --arms zero_shot,tu\t", "[studio][compare][--arms][zero_shot,tuned]"),
            ("studio rows --sort task:d\t", "[studio][rows][--sort][task:desc]"),
            ("studio import --task ti\t", "[studio][import][--task][tickets]"),
            ("studio import --task \\$\t", f"[studio][import][--task][{COSTLY}]"),
            ("studio import some\t", "[studio][import][some pairs.jsonl]"),
        ]:
            terminal.send(f"{typed}{HOME}printf '[%s]' {ENTER}")
            terminal.expect_exact(became)
    assert not (project.root / "costly").exists()


def test_fish_completes(project: Project, environment: dict[str, str]) -> None:
    needs("fish")

    def completed(line: str) -> list[str]:
        program = "studio completion fish | source; complete -C $argv[1]"
        done = subprocess.run(
            ["fish", "--no-config", "-c", program, line],
            env=environment,
            cwd=project.root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return [one.partition("\t")[0] for one in done.stdout.splitlines()]

    (project.root / "some pairs.jsonl").write_text("")
    assert completed("studio ru") == ["run", "runs"]
    assert completed("studio watch low") == ["lower rate"]
    assert completed("studio train --set overlong=dr") == ["overlong=drop"]
    assert completed("studio import --task '") == [COSTLY, "tickets", "tone"]
    assert completed("studio import some") == ["some pairs.jsonl"]
    assert not (project.root / "costly").exists()


def test_the_script_is_all_that_is_on_stdout_and_another_shell_is_refused(environment: dict[str, str]) -> None:
    assert tuple(SCRIPTS) == SHELLS
    for name in SHELLS:
        done = subprocess.run(["studio", "completion", name], env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, SCRIPTS[name], "")
    refused = subprocess.run(["studio", "completion", "tcsh"], env=environment, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout, "tcsh is no shell" in refused.stderr) == (2, "", True)
