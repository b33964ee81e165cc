"""What all prompts of a task begin with tells its rows not apart: the table leaves it out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.dataset.examples import Preview

# Only a start that so many rows share, and that is so long.
SHARED_BY_ROWS, SHARED_CHARS = 4, 12


class SharedStarts:
    """Task → characters, whole words, with which all its prompts begin; only where that is worth leaving out.

    What the least and the greatest prompt share, all between them share, so a new prompt is compared to these only.
    """

    def __init__(self) -> None:
        self._bounds: dict[str, tuple[str, str, int]] = {}
        self._lengths: dict[str, int] = {}

    def add(self, previews: Iterable[Preview]) -> bool:
        """Whether a length is not what it was."""
        before = dict(self._lengths)
        for preview in previews:
            first, last, count = self._bounds.get(preview.task, (preview.prompt, preview.prompt, 0))
            self._bounds[preview.task] = min(first, preview.prompt), max(last, preview.prompt), count + 1
            self._lengths[preview.task] = self._length(*self._bounds[preview.task])
        return self._lengths != before

    def of(self, task: str) -> int:
        return self._lengths.get(task, 0)

    @staticmethod
    def _length(first: str, last: str, count: int) -> int:
        length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
        start = first[:length]
        words = start[: max(start.rfind(" "), start.rfind("\n")) + 1]
        return len(words) if count >= SHARED_BY_ROWS and len(words) >= SHARED_CHARS else 0
