"""Which model folders may be loaded: weights as safetensors, no code of their own. The one rule, for every process.

A pickle can run anything when it is read, and so can modelling code that comes with the weights. What counts is what
transformers would read of a folder under ``use_safetensors=True``: ``model.safetensors``, or else the files that
``model.safetensors.index.json`` names, or the file that ``transformers_weights`` in config.json names; and where there
is an adapter_config.json, that adapter, from adapter_model.bin if it must. It does not look again at what an index
names: a ``.bin`` there is read as the pickle that it is. So the names are looked at here.

A file is judged by its name in the folder, not by where a link leads: the hub's cache keeps every file as a link to a
blob without an ending, and what decides whether safetensors or pickle reads a file is the name. safetensors runs
nothing, whatever the bytes are; so a link out of the folder is safe, and a name out of it is not a file of the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.files import in_short, read_json_object

WEIGHTS = "model.safetensors"
INDEX_ENDING = ".safetensors.index.json"
INDEX = f"model{INDEX_ENDING}"
ADAPTER, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def refuse_unsafe(folder: Path, config: Mapping[str, Any], name: str = "") -> None:
    """Raise StudioError unless loading ``folder`` reads safetensors only and runs no code that came with it.

    ``config`` is what the folder's config.json holds. ``name`` is what studio.toml would call the model: given, the
    error offers the opt-in ``trusted_models``; a caller that does not know it leaves it empty.
    """
    called = name or str(folder)
    opt_in = f"If you trust its author, add to studio.toml: trusted_models = [{json.dumps(name)}]" if name else ""
    if config.get("auto_map", {}) != {}:  # an empty one names no code, and transformers looks for none
        raise StudioError(
            f"{called} wants to run code of its own (auto_map in config.json): refused.",
            opt_in or "Choose a model that transformers knows by itself.",
        )
    if kernel := _kernel_named(config):
        raise StudioError(
            f"{called} wants to fetch code from the hub ({kernel!r} in config.json): refused.",
            opt_in or "Choose a model that transformers knows by itself.",
        )
    for where, file in _weights_named(folder, config):
        if not _is_safetensors_inside(file):
            raise StudioError(
                f"{called}: {where} names {file[:200]!r}, which is no .safetensors file of this folder: refused.",
                opt_in or "Use a safetensors version of the model.",
            )
    if (folder / ADAPTER).exists() and not (folder / ADAPTER_WEIGHTS).is_file():
        raise StudioError(
            f"{called} has an adapter ({ADAPTER}) without {ADAPTER_WEIGHTS}; pickle weights would be read: refused.",
            opt_in or "Take the adapter's files out of the folder, or save it as safetensors.",
        )
    if not config.get("transformers_weights"):
        _refuse_without_weights(folder, called, opt_in)


def _refuse_without_weights(folder: Path, called: str, opt_in: str) -> None:
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        # Looked up among those there are: asking for a name that is too long for any file is an error of the system.
        there = {path.name for path in folder.iterdir() if path.is_file()}
        missing = next((file for file in _files_of(folder / INDEX) if file not in there), "")
        if missing:
            raise StudioError(
                f"{folder}: {INDEX} names {in_short(missing)}, which is not there.",
                "Copy the whole model folder again.",
            )
        return
    pickle = next((path.name for pattern in PICKLES for path in sorted(folder.glob(pattern))), "")
    if pickle:
        raise StudioError(
            f"{called} has pickle weights ({pickle}), which can run anything: refused.",
            opt_in or "Use a safetensors version of the model.",
        )
    raise StudioError(
        f"{folder}: no weights in this model folder: no {WEIGHTS}, no {INDEX}.",
        "Copy them here, or choose another model: studio models list",
    )


def _weights_named(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every weights file that is named somewhere, and where. Raises StudioError for an index that cannot be read."""
    chosen = config.get("transformers_weights")
    if chosen and not (_is_plain_name(str(chosen)) and str(chosen).endswith(INDEX_ENDING)):
        yield "config.json (transformers_weights)", str(chosen)
    for index in sorted(folder.glob(f"*{INDEX_ENDING}")):
        for file in _files_of(index):
            yield index.name, file


def _files_of(index: Path) -> list[str]:
    """The files that an index names, each once; what is no name as it would be written. Raises StudioError."""
    try:
        named = read_json_object(index)["weight_map"].values()
    except (OSError, StudioError, KeyError, AttributeError) as error:
        why = error.message if isinstance(error, StudioError) else "it has no weight_map"
        raise StudioError(
            f"{index}: not an index of weights: {why.rstrip('.')}.", "Copy the model folder again."
        ) from error
    return list(dict.fromkeys(map(str, named)))


def _kernel_named(config: Mapping[str, Any]) -> str:
    """What a configuration names as its attention or experts, where that is a place on the hub; empty for none."""
    waiting: list[Any] = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
            for key in part:
                if str(key).removesuffix("_internal").endswith("implementation"):
                    chosen = part[key]
                    each = chosen.values() if isinstance(chosen, Mapping) else [chosen]
                    if kernel := next((str(one) for one in each if "/" in str(one)), ""):
                        return kernel
    return ""


def _is_safetensors_inside(file: str) -> bool:
    return _is_plain_name(file) and file.endswith(".safetensors")


def _is_plain_name(file: str) -> bool:
    """Whether ``file`` lies directly in the folder: no folder part, nothing that could lead out."""
    return file not in ("", ".", "..") and not set("/\\\0") & set(file)
