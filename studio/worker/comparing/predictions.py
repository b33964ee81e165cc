"""predictions.jsonl: one line per answer, keyed by everything that decides it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from studio.files import JsonLinesWriter, read_json_lines
from studio.runs.predictions import is_prediction

Prediction = dict[str, Any]


class Predictions:
    """The answers on disk, key → line, and the file they are appended to. A torn last line is answered again.

    ``errors`` are the newest of those that failed, which a later life asks again.
    """

    def __init__(self, path: Path) -> None:
        self._file = JsonLinesWriter(path)  # ends a torn line, which is then passed over
        lines, _ = read_json_lines(path)
        known = [line for line in lines if is_prediction(line)]
        self.lines: dict[str, Prediction] = {line["key"]: line for line in known if not line.get("error")}
        self.errors: dict[str, Prediction] = {}

    def append(self, prediction: Prediction) -> None:
        """Keep an answer; it is on disk when this returns. Raises OSError on a full disk."""
        self._file.write(prediction)
        kept = self.errors if prediction.get("error") else self.lines
        kept[prediction["key"]] = prediction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def prediction_key(*deciding: str) -> str:
    """One short key for everything that decides an answer."""
    return hashlib.sha256("\x00".join(deciding).encode(errors="replace")).hexdigest()[:24]


def weights_id(folder: Path) -> str:
    """Changes when the weights in a folder are written anew; reading gigabytes to hash them would take longer."""
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
