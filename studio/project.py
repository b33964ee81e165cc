"""The project folder: its layout, every path name in it, and its settings.

studio.toml     settings a person may edit
studio.duckdb   the store
runs/<run_id>/  one directory per run
.studio-lines.json  what was typed into the prompts
screens.json    what was chosen with keys: theme, layout, columns
.studio.lock, .studio.socket  who has the store open, and where it answers the others
"""

from __future__ import annotations

import difflib
import getpass
import json
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.endpoints.settings import Endpoint, endpoint_from
from studio.errors import AskedWrongly, StudioError
from studio.files import in_short, make_private_folder, open_regular, why_not, write_whole
from studio.templates import Template, template_from

SETTINGS_NAME = "studio.toml"
STORE_NAME = "studio.duckdb"
RUNS_NAME = "runs"
LINES_NAME = ".studio-lines.json"
SCREENS_NAME = "screens.json"

LABELLER_VARIABLE = "STUDIO_LABELLER"  # several people may share an account, and one folder has one studio.toml

DEFAULT_MODEL = "smollm2-135m-instruct"
DEFAULT_MAX_LENGTH = 512
MOST_MAX_LENGTH = 1_000_000_000  # more than any context window; token counts are kept in 32 bits
_MOST_SETTINGS_BYTES = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What ``studio.toml`` says; every field has a default, so an empty file is a valid one."""

    base_model: str = DEFAULT_MODEL
    max_length: int = DEFAULT_MAX_LENGTH
    labeller: str = ""
    theme: str = "textual-dark"
    trusted_models: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    scores: dict[str, str] = field(default_factory=dict)
    scorers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.base_model:
            raise AskedWrongly("base_model is empty.", f'Name a model, for example "{DEFAULT_MODEL}".')
        if not 1 <= self.max_length <= MOST_MAX_LENGTH:
            raise AskedWrongly(
                f"max_length is {self.max_length}; it must be at least 1 token and at most {MOST_MAX_LENGTH:,}.",
                "The context window of the model is the most that makes sense: studio models list",
            )

    @property
    def who(self) -> str:
        """The name written into the edit log: ``STUDIO_LABELLER``, or ``labeller``, or else the account's name."""
        return os.environ.get(LABELLER_VARIABLE, "").strip() or self.labeller or _account_name()


SETTINGS_TEMPLATE = """\
# Settings of this tune-studio project. Delete a line to go back to its default.

base_model = {base_model}   # a cached model, a local folder, or a Hugging Face id
max_length = {max_length}                        # tokens a training row may have
# labeller = "anna"                     # the name in the edit log; default: your account
# theme = "textual-light"               # or "textual-dark"
# trusted_models = ["./my-model"]       # these may use pickle weights and code of their own: both can run anything

# [templates.short]                     # how columns become prompts: studio import FILE --template short
# prompt = ["Summarize:\\n\\n{{{{dialogue}}}}", "{{{{dialogue}}}}\\n\\nIn short:"]
# completion = "{{{{summary}}}}"

# [endpoints.mine]                      # a server that answers, as the arm endpoint:mine
# url = "http://localhost:8080/v1"      # what stands before /chat/completions
# model = "llama-3.2-3b"
# api_key_env = "MY_KEY"                # the environment variable with the key
# price_per_million_input = 0.15        # and price_per_million_output, for the column of costs

# [keys]                                # rebind: action = "key"; names as in the ? screen
# accept = "a"

# [scores]                              # which score decides a task in comparisons; "*" is for all others
# tickets = "exact_match"

# [scorers]                             # a score of your own: comparisons run this code, which can do what you can
# politeness = "my_scorers.py:politeness"
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
    def screens_path(self) -> Path:
        return self.root / SCREENS_NAME

    @property
    def name(self) -> str:
        return self.root.resolve().name

    def exists(self) -> bool:
        return self.settings_path.exists() or self.store_path.exists()

    def settings(self) -> Settings:
        """Read ``studio.toml``. Raises AskedWrongly with the file and the reason when it cannot be used."""
        path = self.settings_path
        try:
            with open_regular(path) as file:
                content = file.read(_MOST_SETTINGS_BYTES + 1)
        except FileNotFoundError:
            return Settings()
        except OSError as error:
            raise AskedWrongly(
                f"{path}: cannot be read: {why_not(error)}.", "It must be a file that you may read."
            ) from error
        if len(content) > _MOST_SETTINGS_BYTES:
            raise AskedWrongly(f"{path}: more than {_MOST_SETTINGS_BYTES >> 20} MB are no settings.")
        try:
            raw = tomllib.loads(content.decode("utf-8"))
        except RecursionError as error:
            raise AskedWrongly(f"{path}: nested too deeply.", "A setting is a text, a number or a list.") from error
        except ValueError as error:  # not TOML, not UTF-8, a number of thousands of digits
            raise AskedWrongly(f"{path}: not valid TOML: {error}.", "Mend the line it names.") from error
        return _settings_from(raw, path)

    @classmethod
    def init(cls, root: Path, base_model: str = DEFAULT_MODEL, max_length: int = DEFAULT_MAX_LENGTH) -> Project:
        """Make the folder and its ``studio.toml``; an existing project is left as it is. Raises AskedWrongly."""
        project = cls(root)
        asked = Settings(base_model=base_model, max_length=max_length)
        if root.exists() and not root.is_dir():
            raise AskedWrongly(f"{root} is a file, not a folder.", "Name a folder; it is made when missing.")
        try:
            make_private_folder(project.runs_path, exist_ok=True)
            if not project.settings_path.exists():
                text = SETTINGS_TEMPLATE.format(base_model=_quoted(asked.base_model), max_length=max_length)
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


_KINDS: dict[str, tuple[type, str]] = {
    "base_model": (str, 'a text in quotes, as base_model = "smollm2-135m-instruct"'),
    "max_length": (int, "a whole number, as max_length = 512"),
    "labeller": (str, 'a text in quotes, as labeller = "anna"'),
    "theme": (str, 'a text in quotes, as theme = "textual-light"'),
    "trusted_models": (list, 'a list of names in quotes, as trusted_models = ["./my-model"]'),
    "templates": (dict, 'tables, as [templates.short] and below it prompt = "…{{dialogue}}…"'),
    "endpoints": (dict, 'tables, as [endpoints.mine] and below it url = "http://localhost:8080/v1" and model = "name"'),
    "keys": (dict, 'a table, as [keys] and below it accept = "a"'),
    "scores": (dict, 'a table, as [scores] and below it tickets = "exact_match"'),
    "scorers": (dict, 'a table, as [scorers] and below it politeness = "my_scorers.py:politeness"'),
}


_IN_QUOTES = {
    "trusted_models": 'Names stand in quotes, as trusted_models = ["./my-model"].',
    "keys": 'A key stands in quotes, as accept = "a".',
    "scores": 'A score stands in quotes, as tickets = "exact_match".',
    "scorers": 'A function stands in quotes, as politeness = "my_scorers.py:politeness".',
}


def _settings_from(raw: dict[str, Any], path: Path) -> Settings:
    for name, value in raw.items():
        if name not in _KINDS:
            close = difflib.get_close_matches(name, _KINDS, n=1)
            guess = f"Did you mean {close[0]}? " if close else ""
            raise AskedWrongly(f"{path}: unknown setting {name!r}.", f"{guess}Known: {', '.join(_KINDS)}.")
        kind, example = _KINDS[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise AskedWrongly(f"{path}: {name} is {_described(value)}.", f"It must be {example}.")
        for inner, part in _parts(name, value) if name in _IN_QUOTES else ():
            if not isinstance(part, str):
                raise AskedWrongly(f"{path}: {inner} is {_described(part)}.", _IN_QUOTES[name])
    try:
        endpoints = {name: endpoint_from(name, facts) for name, facts in raw.get("endpoints", {}).items()}
        templates = {name: template_from(name, facts) for name, facts in raw.get("templates", {}).items()}
        return Settings(**{**raw, "endpoints": endpoints, "templates": templates})
    except AskedWrongly as error:
        raise AskedWrongly(f"{path}: {error.message}", error.hint) from error


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What must be texts in a setting that is a list or a table, each with its name."""
    if isinstance(value, list):
        yield from ((f"{name}, number {number},", part) for number, part in enumerate(value, 1))
    elif isinstance(value, dict):
        yield from ((f"{name}.{key}", part) for key, part in value.items())


def _quoted(text: str) -> str:
    """``text`` as TOML has it. Raises AskedWrongly for a name that is no text, as a shell hands on stray bytes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise AskedWrongly(f"base_model is {text!r}, which is not UTF-8.", "Rename the folder.") from error
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _described(value: Any) -> str:
    """A value as the file has it, in a few words; dates and times, which JSON knows nothing of, too."""
    return repr(value)[:40] if isinstance(value, str) else in_short(value if _is_json(value) else str(value))


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | list | dict)


def _account_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"
