"""studio.toml is edited by hand and comes with shared projects: what is wrong in it is said, with what to write."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.cli.app import app
from studio.errors import AskedWrongly
from studio.project import Project, Settings


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


WRONG = [
    ("[keys]\naccept = 5", "keys.accept is 5", 'accept = "a"'),
    ('[keys]\naccept = ["a"]', "keys.accept is a list", 'accept = "a"'),
    ("keys = 5", "keys is 5", '[keys] and below it accept = "a"'),
    ('max_length = "512"', "max_length is '512'", "max_length = 512"),
    ("max_length = true", "max_length is true", "max_length = 512"),
    ("max_length = 1e3", "max_length is 1000.0", "max_length = 512"),
    ("max_length = nan", "max_length is NaN", "max_length = 512"),
    ("max_length = 0", "max_length is 0", "context window"),
    ("max_length = 99999999999999999999", "at most 1,000,000,000", "context window"),
    (f"max_length = {'9' * 5000}", "not valid TOML", "line"),
    ("base_model = 1979-05-27", "base_model is 1979-05-27", 'base_model = "'),
    ('base_model = ""', "base_model is empty", "Name a model"),
    ("base_model = []", "base_model is a list", 'base_model = "'),
    ("theme = {}", "theme is an object", 'theme = "'),
    ("labeller = false", "labeller is false", 'labeller = "anna"'),
    ('trusted_models = "x"', "trusted_models is 'x'", 'trusted_models = ["'),
    ('trusted_models = ["x", 1]', "trusted_models, number 2, is 1", "in quotes"),
    ("max_lenght = 5", "unknown setting 'max_lenght'", "Did you mean max_length?"),
    ("a = [", "not valid TOML", "line"),
    ("a = " + "[" * 100_000, "nested too deeply", "a text, a number or a list"),
    ("x = 1\nx = 2", "not valid TOML", "line"),
]


@pytest.mark.parametrize(("text", "said", "instead"), WRONG, ids=[said for _, said, _ in WRONG])
def test_a_wrong_setting_is_named_with_what_to_write(project: Project, text: str, said: str, instead: str) -> None:
    project.settings_path.write_text(text, encoding="utf-8")
    with pytest.raises(AskedWrongly) as caught:
        project.settings()
    assert said in caught.value.message and instead in caught.value.hint
    assert str(project.settings_path) in caught.value.message and len(caught.value.message) < 500


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"labeller = '\xe4'", b"\0", b"\xef\xbb\xbfmax_length = 5", b"#" * (2 << 20)]
)
def test_what_is_no_text_is_said_so(project: Project, content: bytes) -> None:
    project.settings_path.write_bytes(content)
    with pytest.raises(AskedWrongly, match=r"studio\.toml: (not valid TOML|more than 1 MB)"):
        project.settings()


def test_a_folder_or_a_pipe_in_its_place_is_said_so_and_never_waited_for(project: Project) -> None:
    project.settings_path.unlink()
    for make in (os.mkdir, os.mkfifo):
        make(project.settings_path)
        with pytest.raises(AskedWrongly, match=r"studio\.toml: cannot be read"):
            project.settings()
        project.settings_path.rmdir() if make is os.mkdir else project.settings_path.unlink()
    assert project.settings() == Settings()


@pytest.mark.parametrize("verb", [["stats"], ["window"], ["train"], ["runs"], ["show", "1"], ["label", "accept", "1"]])
def test_keys_accept_5_was_a_traceback_in_the_verbs(project: Project, verb: list[str]) -> None:
    project.settings_path.write_text("[keys]\naccept = 5\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["-C", str(project.root), *verb])
    if verb != ["runs"]:  # which asks no setting
        assert done.exit_code == 2 and "keys.accept is 5" in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("name", ['a"b\\c', "ấm", "\U0001f600", "a\x7fb\n", "x" * 5000])
def test_any_name_of_a_model_is_written_so_that_it_is_read_again(tmp_path: Path, name: str) -> None:
    project = Project.init(tmp_path / "desk", base_model=name)
    assert project.settings().base_model == name
    assert tomllib.loads(project.settings_path.read_text(encoding="utf-8"))["base_model"] == name


@pytest.mark.parametrize(("name", "max_length"), [("\udcff", 512), ("", 512), ("x", 0), ("x", 10**20)])
def test_a_project_is_not_made_with_settings_that_it_could_not_read(tmp_path: Path, name: str, max_length: int) -> None:
    with pytest.raises(AskedWrongly):
        Project.init(tmp_path / "desk", base_model=name, max_length=max_length)
    assert not (tmp_path / "desk" / "studio.toml").exists()
