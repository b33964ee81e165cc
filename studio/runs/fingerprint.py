"""What a training was begun on, in hashes: a second life on anything else would go on with another training.

Written when nothing is learned yet, looked at before every resume. Reads a few megabytes, however large the model is.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from studio.errors import StudioError
from studio.files import JsonObject, open_regular, read_json_object, why_not, write_whole
from studio.runs.directory import RunDirectory

# Their major versions decide how the same settings compute, and in which shape checkpoints are kept.
PACKAGES = ("torch", "transformers", "peft")
ROWS = ("train", "validation")
_WEIGHTS = ("*.safetensors", "*.bin")
_TEMPLATE_NAMES = ("chat_template", "bos_token", "eos_token")
_BLOCKS, _BLOCK_BYTES = 256, 16_384
_ANEW = "Put it back as it was, or start a new run."


def write_fingerprint(directory: RunDirectory, model: Path) -> None:
    """Note what the run in ``directory`` begins on. Raises StudioError where it cannot be read or written."""
    write_whole(directory.fingerprint_path, json.dumps(_fingerprint(directory, model), indent=1))


def refusal_of_changes(directory: RunDirectory, model: Path) -> StudioError | None:
    """What is not as it was when the run began, where that forbids to go on; None also where nothing was noted.

    A whole checkpoint has to be there, else nothing is mixed: the run begins anew.
    """
    try:
        began = read_json_object(directory.fingerprint_path)
    except (FileNotFoundError, StudioError):  # an older studio noted nothing; a torn note refuses nobody
        return None
    if not model.is_dir():
        return StudioError(f"{model}: the base model is not there any more.", "Put it back, then resume the run.")
    now = _fingerprint(directory, model)
    for name, words in (
        ("tokenizer", f"{model}: the tokenizer has changed"),
        ("template", f"{model}: the chat template, or a token that it writes, has changed"),
        ("config", f"{model}: config.json has changed"),
        ("weights", f"{model}: the weights of the base model have changed"),
        *((split, f"{directory.rows_path(split)} has changed") for split in ROWS),
    ):
        if name in began and began[name] != now[name]:
            return StudioError(f"{words} since this run began.", _ANEW)
    return _refusal_of_packages(directory, began, now)


def accept_packages(directory: RunDirectory) -> None:
    """Go on with the packages that are installed now, as somebody asked who knows that they are others."""
    try:
        began = read_json_object(directory.fingerprint_path)
    except (FileNotFoundError, StudioError):
        return
    write_whole(directory.fingerprint_path, json.dumps({**began, "packages": _packages()}, indent=1))


def _refusal_of_packages(directory: RunDirectory, began: JsonObject, now: JsonObject) -> StudioError | None:
    had = began.get("packages")
    for name, installed in now["packages"].items():
        before = had.get(name) if isinstance(had, dict) else None
        if isinstance(before, str) and before.partition(".")[0] != installed.partition(".")[0]:
            return StudioError(
                f"this run began with {name} {before}, and {installed} is installed now: it may compute otherwise.",
                f"Install {name} {before} again, or go on all the same: studio resume {directory.run_id} --anyway",
            )
    return None


def _fingerprint(directory: RunDirectory, model: Path) -> JsonObject:
    try:
        return {
            "tokenizer": _sum(model / "tokenizer.json"),
            "template": _template_sum(model),
            "config": _sum(model / "config.json"),
            "weights": _weights_sum(model),
            **{split: _sum(directory.rows_path(split)) for split in ROWS},
            "packages": _packages(),
        }
    except OSError as error:
        raise StudioError(f"{error.filename or model}: cannot be read: {why_not(error)}.") from error


def _sum(path: Path) -> str:
    """Of the whole file; empty where there is none."""
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _template_sum(model: Path) -> str:
    """Not of all of tokenizer_config.json: transformers' own notes in it decide nothing here."""
    try:
        config = read_json_object(model / "tokenizer_config.json")
    except FileNotFoundError:
        config = {}
    named = {name: config.get(name) for name in _TEMPLATE_NAMES}
    return hashlib.sha256(
        f"{json.dumps(named, sort_keys=True)}{_sum(model / 'chat_template.jinja')}".encode()
    ).hexdigest()


def _weights_sum(model: Path) -> str:
    """Of names, sizes and blocks spread over each file: other weights differ everywhere, and are read in no time."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in model.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with open_regular(path) as file:
            for number in range(_BLOCKS):
                file.seek(number * max(0, size - _BLOCK_BYTES) // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
                if size <= _BLOCK_BYTES:
                    break
    return digest.hexdigest()


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
