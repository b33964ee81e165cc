"""Which model folders may be loaded: weights as safetensors, no code of their own. The one rule, for every process.

A pickle can run anything when it is read, and so can modelling code that comes with the weights. What counts is what
transformers would read of a folder under ``use_safetensors=True``: ``model.safetensors``, or else the files that
``model.safetensors.index.json`` names, or the file that ``transformers_weights`` in config.json names. It does not
look again at what an index names: a ``.bin`` there is read as the pickle that it is. So the names are looked at here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studio.errors import StudioError

WEIGHTS = "model.safetensors"
INDEX_ENDING = ".safetensors.index.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def refuse_unsafe(folder: Path, config: Mapping[str, Any], name: str = "") -> None:
    """Raise StudioError unless loading ``folder`` reads safetensors only and runs no code that came with it.

    ``config`` is what the folder's config.json holds. ``name`` is what studio.toml would call the model: given, the
    error offers the opt-in ``trusted_models``; a caller that does not know it leaves it empty.
    """
    called = name or str(folder)
    opt_in = f"If you trust its author, add to studio.toml: trusted_models = [{json.dumps(name)}]" if name else ""
    if config.get("auto_map"):
        raise StudioError(
            f"{called} wants to run code of its own (auto_map in config.json): refused.",
            opt_in or "Choose a model that transformers knows by itself.",
        )
    for where, file in _weights_named(folder, config):
        if not _is_safetensors_inside(file):
            raise StudioError(
                f"{called}: {where} names {file!r}, which is no .safetensors file of this folder: refused.",
                opt_in or "Use a safetensors version of the model.",
            )
    if (folder / WEIGHTS).exists() or (folder / f"model{INDEX_ENDING}").exists() or config.get("transformers_weights"):
        return
    pickle = next((path.name for pattern in PICKLES for path in sorted(folder.glob(pattern))), "")
    if pickle:
        raise StudioError(
            f"{called} has pickle weights ({pickle}), which can run anything: refused.",
            opt_in or "Use a safetensors version of the model.",
        )
    raise StudioError(
        f"{folder}: no weights in this model folder: no {WEIGHTS}, no model{INDEX_ENDING}.",
        "Copy them here, or choose another model: studio models list",
    )


def _weights_named(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every weights file that is named somewhere, and where. Raises StudioError for an index that cannot be read."""
    chosen = config.get("transformers_weights")
    if chosen and not (_is_plain_name(str(chosen)) and str(chosen).endswith(INDEX_ENDING)):
        yield "config.json (transformers_weights)", str(chosen)
    for index in sorted(folder.glob(f"*{INDEX_ENDING}")):
        try:
            named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudioError(
                f"{index}: not an index of weights: {type(error).__name__}.", "Copy the model folder again."
            ) from error
        for file in dict.fromkeys(map(str, named)):
            yield index.name, file


def _is_safetensors_inside(file: str) -> bool:
    return _is_plain_name(file) and file.endswith(".safetensors")


def _is_plain_name(file: str) -> bool:
    """Whether ``file`` lies directly in the folder: no folder part, nothing that could lead out."""
    return file not in ("", ".", "..") and not set("/\\\0") & set(file)
