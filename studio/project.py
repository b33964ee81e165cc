"""The project folder: its layout, every path name in it, and its settings.

studio.toml     settings a person may edit
studio.duckdb   the store
runs/<run_id>/  one directory per run
.studio-lines.json  what was typed into the prompts
"""

from __future__ import annotations

import getpass
import os
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.errors import AskedWrongly, StudioError
from studio.files import make_private_folder, write_whole

SETTINGS_NAME = "studio.toml"
STORE_NAME = "studio.duckdb"
RUNS_NAME = "runs"
LINES_NAME = ".studio-lines.json"

DEFAULT_MODEL = "smollm2-135m-instruct"
DEFAULT_MAX_LENGTH = 512


@dataclass(frozen=True)
class Settings:
    """What ``studio.toml`` says; every field has a default, so an empty file is a valid one."""

    base_model: str = DEFAULT_MODEL
    max_length: int = DEFAULT_MAX_LENGTH
    labeller: str = ""
    theme: str = "textual-dark"
    trusted_models: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.base_model:
            raise AskedWrongly("base_model is empty.", f'Name a model, for example "{DEFAULT_MODEL}".')
        if self.max_length < 1:
            raise AskedWrongly(f"max_length is {self.max_length}; it must be at least 1 token.")

    @property
    def who(self) -> str:
        """The name written into the edit log: ``labeller``, or else the account's name."""
        return self.labeller or _account_name()


SETTINGS_TEMPLATE = """\
# Settings of this tune-studio project. Delete a line to go back to its default.

base_model = "{base_model}"   # a cached model, a local folder, or a Hugging Face id
max_length = {max_length}                        # tokens a training row may have
# labeller = "anna"                     # the name in the edit log; default: your account
# theme = "textual-light"               # or "textual-dark"
# trusted_models = ["./my-model"]       # these may use pickle weights and code of their own: both can run anything

# [keys]                                # rebind: action = "key"; names as in the ? screen
# accept = "a"
"""


@dataclass(frozen=True)
class Project:
    """A project folder. Holds no open file; every path in the folder is named here and nowhere else."""

    root: Path

    @property
    def settings_path(self) -> Path:
        return self.root / SETTINGS_NAME

    @property
    def store_path(self) -> Path:
        return self.root / STORE_NAME

    @property
    def runs_path(self) -> Path:
        return self.root / RUNS_NAME

    @property
    def lines_path(self) -> Path:
        return self.root / LINES_NAME

    @property
    def name(self) -> str:
        return self.root.resolve().name

    def exists(self) -> bool:
        return self.settings_path.exists() or self.store_path.exists()

    def settings(self) -> Settings:
        """Read ``studio.toml``. Raises AskedWrongly with the file and the reason when it cannot be used."""
        try:
            raw = tomllib.loads(self.settings_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings()
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise AskedWrongly(f"{self.settings_path}: not valid TOML: {error}.", "Mend the line it names.") from error
        return _settings_from(raw, self.settings_path)

    @classmethod
    def init(cls, root: Path, base_model: str = DEFAULT_MODEL, max_length: int = DEFAULT_MAX_LENGTH) -> Project:
        """Make the folder and its ``studio.toml``; an existing project is left as it is."""
        project = cls(root)
        if root.exists() and not root.is_dir():
            raise AskedWrongly(f"{root} is a file, not a folder.", "Name a folder; it is made when missing.")
        try:
            make_private_folder(project.runs_path, exist_ok=True)
            if not project.settings_path.exists():
                text = SETTINGS_TEMPLATE.format(base_model=base_model, max_length=max_length)
                write_whole(project.settings_path, text)
        except OSError as error:
            raise StudioError(f"{root}: cannot make a project here: {error.strerror}.") from error
        return project

    @classmethod
    def find(cls, start: Path) -> Project:
        """The project at ``start``. Raises AskedWrongly where there is none."""
        project = cls(start)
        if not project.exists():
            raise AskedWrongly(f"{start}: no project here.", f"Make one: studio init {start}")
        return project


def cache_path() -> Path:
    """Where models are kept: ``STUDIO_CACHE``, or ``tune-studio`` in the account's cache folder."""
    if chosen := os.environ.get("STUDIO_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tune-studio"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tune-studio"


def _settings_from(raw: dict[str, Any], path: Path) -> Settings:
    known: dict[str, type] = {
        "base_model": str,
        "max_length": int,
        "labeller": str,
        "theme": str,
        "trusted_models": list,
        "keys": dict,
    }
    for name, value in raw.items():
        if name not in known:
            raise AskedWrongly(f"{path}: unknown setting {name!r}.", f"Known: {', '.join(known)}.")
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise AskedWrongly(f"{path}: {name} is {value!r}; a {known[name].__name__} is needed.")
    return Settings(**raw)


def _account_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"
