"""predictions.jsonl: one line per answer, keyed by everything that decides it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Prediction = dict[str, Any]


class Predictions:
    """The answers on disk, key → line, and the file they are appended to. A torn last line is answered again."""

    def __init__(self, path: Path) -> None:
        self.lines: dict[str, Prediction] = {line["key"]: line for line in read_predictions(path)}
        self._file = path.open("a+b")
        end = self._file.seek(0, os.SEEK_END)
        if end:
            self._file.seek(end - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def append(self, prediction: Prediction) -> None:
        self._file.write((json.dumps(prediction, ensure_ascii=False) + "\n").encode(errors="replace"))
        self._file.flush()
        self.lines[prediction["key"]] = prediction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_predictions(path: Path) -> list[Prediction]:
    """Every whole line; one that a crash cut short is passed over."""
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:  # torn by a crash: its question is asked again
            continue
    return [line for line in found if isinstance(line, dict) and "key" in line]


def prediction_key(*deciding: str) -> str:
    """One short key for everything that decides an answer."""
    return hashlib.sha256("\x00".join(deciding).encode(errors="replace")).hexdigest()[:24]


def weights_id(folder: Path) -> str:
    """Changes when the weights in a folder are written anew; reading gigabytes to hash them would take longer."""
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    facts = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
