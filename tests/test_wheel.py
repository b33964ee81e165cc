"""What ``pipx install`` brings: the wheel holds everything that the studio needs, and works far from any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "studio", "sample_data")
SAMPLES = "tune_studio-*.data/data/share/tune-studio/sample_data/*"


def built_wheel(folder: Path) -> Path:
    """The wheel of this tree. Built from a copy, since setuptools leaves its workings beside what it builds."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    pip(sys.executable, "wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    return next(folder.glob("*.whl"))


def pip(python: str | Path, command: str, *arguments: str) -> None:
    """Run pip for another interpreter's environment, without a network."""
    offline = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    program = [sys.executable, "-m", "pip", "--python", str(python), command, *offline, *arguments]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_every_module_the_sample_data_and_the_licence(tmp_path: Path) -> None:
    with ZipFile(built_wheel(tmp_path)) as wheel:
        names = [Path(name) for name in wheel.namelist()]
    modules = {path.relative_to(ROOT) for path in ROOT.glob("studio/**/*.py")}
    assert modules <= set(names)
    assert {Path("studio/py.typed"), Path("studio/tui/studio.tcss")} <= set(names)
    samples = {name.name for name in names if name.match(SAMPLES)}
    assert samples == {path.name for path in ROOT.glob("sample_data/tickets*.jsonl")} | {
        "tone.csv",
        "summaries.jsonl",
        "general.jsonl",
    }
    recipes = {name.name for name in names if name.match(SAMPLES.replace("/*", "/recipes/*"))}
    assert recipes == {path.name for path in ROOT.glob("sample_data/recipes/*.toml")}
    assert [name.name for name in names if name.match("*.dist-info/licenses/*")] == ["LICENSE"]
    assert not [name for name in names if name.parts[0] in ("tests", "docs", "benchmarks", "sample_data")]


def test_an_installed_wheel_opens_the_sample_project_without_a_checkout(tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python, studio = environment / "bin" / "python", environment / "bin" / "studio"
    pip(python, "install", str(built_wheel(tmp_path)))
    shutil.rmtree(tmp_path / "source")
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # Its dependencies are those of this environment; a path file shows the packages and no editable installation.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    def run(*command: str | Path) -> str:
        alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=alone)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert str(site_packages) in run(python, "-c", "import studio; print(studio.__file__)")
    assert run(studio, "--version").startswith("tune-studio ")
    run(studio, "init", "desk")
    run(python, "-c", "from pathlib import Path; import studio.acts.demo as d; d.open_sample_project(Path('desk'))")
    stats = json.loads(run(studio, "-C", "desk", "stats", "--json"))
    assert sum(stats["tasks"].values()) == stats["examples"] > 500
    assert stats["splits"]["test"] > 0
