"""The answers of a comparison as its directory holds them: a line of predictions.jsonl each."""

from __future__ import annotations

import math

from studio.errors import StudioError
from studio.files import JsonObject, scan_json_lines, why_not
from studio.runs.directory import RunDirectory

_TYPES = {"key": str, "arm": str, "example_id": int, "text": str, "prompt_tokens": int, "is_cut": bool}
_LARGEST = 1 << 63


def is_prediction(line: JsonObject) -> bool:
    """Whether a line says what an answer must say; ``latency_seconds`` is null where it was not asked alone."""
    if any(type(line.get(name)) is not wanted for name, wanted in _TYPES.items()):
        return False
    latency = line.get("latency_seconds", math.nan)
    return abs(line["prompt_tokens"]) < _LARGEST and (
        latency is None or (type(latency) in (int, float) and abs(latency) < _LARGEST)
    )


def read_predictions(directory: RunDirectory) -> list[JsonObject]:
    """The answers so far, none where no file is. A line torn by a crash is passed over: it is answered again.

    Raises StudioError for a file that cannot be read, or that no crash leaves.
    """
    path = directory.predictions_path
    try:
        items, _ = scan_json_lines(path)
    except OSError as error:
        raise StudioError(f"{path.name} cannot be read: {why_not(error)}.") from error
    found: list[JsonObject] = []
    for number, item in enumerate(items, start=1):
        if isinstance(item, str):
            raise StudioError(f"{path.name} is damaged: {item}.", _AGAIN)
        if not is_prediction(item):
            raise StudioError(f"{path.name} is damaged: answer {number} lacks what an answer says.", _AGAIN)
        found.append(item)
    return found


_AGAIN = "Delete the line: a resume answers it again."
