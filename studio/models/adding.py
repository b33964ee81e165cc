"""Models that people have already, a GGUF file or a folder, under a name of their own; and taking a model away.

What is added lies in the cache as a model that was fetched, so wherever a model is named, its name will do.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import take_lock
from studio.interpreter import OnPart, carried_out
from studio.models.catalogue import cached_path, models_path, packaged_as
from studio.models.fetching import HUB_FILES, LOCK_WAIT_SECONDS, making, shown
from studio.models.safety import refuse_unsafe
from studio.tokens.families import family_of
from studio.tokens.tokenizer import ModelFolder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_MAGIC = b"GGUF"


def add_model(source: Path, name: str, on_part: OnPart) -> Path:
    """A model of ``source``, a GGUF file or a folder, in the cache as ``name``, or as its file is called; its folder.

    Raises AskedWrongly for a name that will not do or is taken, StudioError for what is no model, is not safe, or of a
    kind that cannot be used; then nothing is there.
    """
    if not source.exists():
        raise AskedWrongly(f"{source}: no such file or folder.")
    name = name or source.resolve().name.removesuffix(".gguf")
    _refuse_name(name)
    if not source.is_dir():
        _refuse_other_files(source)
    with making(name) as half_made:
        if half_made is None:
            raise _taken(name)
        if source.is_dir():
            _copy(source.resolve(), half_made, on_part)
        else:
            request = {"gguf": str(source.resolve()), "folder": str(half_made)}
            carried_out("studio.worker.convert", request, on_part)
        folder = ModelFolder(half_made)
        family_of(folder)
        refuse_unsafe(half_made, folder.config)
        folder.tokenizer  # noqa: B018 - raises where it is damaged
    return cached_path(name)


def remove_model(name: str) -> int:
    """Delete a model of the cache; the bytes that came free. Raises AskedWrongly where none has the name."""
    folder = cached_path(name)
    if not all(map(_NAME.fullmatch, name.split("/"))) or not folder.is_dir():
        raise AskedWrongly(f"no model {shown(name)} in the cache.", "studio models list shows what is here.")
    with take_lock(models_path() / f".{folder.name}.lock", LOCK_WAIT_SECONDS):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        going = folder.with_name(f".{folder.name}.part")  # a name that nobody takes for a model, if this is killed
        shutil.rmtree(going, ignore_errors=True)
        try:
            folder.rename(going)
            shutil.rmtree(going)
        except OSError as error:
            raise StudioError(f"{folder}: cannot be deleted: {error.strerror}.") from error
    return size


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise AskedWrongly(
            f"{shown(name)} is no name for a model.", "Letters, digits, - _ and . will do, at most 80: --name NAME"
        )
    if packaged_as(name):
        raise AskedWrongly(f"{name} is the name of a model that can be fetched.", "Choose another: --name NAME")
    if cached_path(name).exists():
        raise _taken(name)


def _taken(name: str) -> AskedWrongly:
    return AskedWrongly(f"a model {name} is here already.", f"Choose another: --name NAME, or studio models rm {name}")


def _refuse_other_files(source: Path) -> None:
    with source.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise AskedWrongly(f"{source}: no GGUF file, and no folder.", "Name a .gguf file or a model's folder.")


def _copy(source: Path, folder: Path, on_part: OnPart) -> None:
    """Copy what a model is made of, and nothing that was not looked at first."""
    model = ModelFolder(source)
    refuse_unsafe(source, model.config)
    model.tokenizer_path  # noqa: B018 - raises where it is missing, before anything is copied
    files = sorted({file for pattern in HUB_FILES for file in source.glob(pattern) if file.is_file()})
    whole, done = sum(file.stat().st_size for file in files) or 1, 0
    for file in files:
        on_part(done / whole, f"copying {file.name}")
        shutil.copyfile(file, folder / file.name)
        done += file.stat().st_size
