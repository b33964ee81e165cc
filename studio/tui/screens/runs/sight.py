"""Which of a run's steps the chart shows."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SPAN = 8


@dataclass(frozen=True)
class Sight:
    """``span`` steps up to the index ``end``. None: all of them; up to the newest, also when more come."""

    span: int | None = None
    end: int | None = None

    def part(self, steps: int) -> tuple[int, int]:
        """Index of the first and of the last step in sight, of so many (at least one)."""
        last = steps - 1 if self.end is None else min(self.end, steps - 1)
        span = steps if self.span is None else min(self.span, steps)
        last = max(last, span - 1)
        return last - span + 1, last

    def zoomed(self, steps: int, is_in: bool, around: int | None) -> Sight:
        """Half as many steps in sight, or twice as many, with the index ``around`` (None: the newest) kept in it."""
        first, last = self.part(steps)
        span = last - first + 1
        new = max(min(LEAST_SPAN, steps), span // 2) if is_in else 2 * span
        if new >= steps:
            return Sight()
        kept = last if around is None else min(max(around, first), last)
        # What is kept stays where it is on the screen, or the eye loses it.
        end = kept + min(round((last - kept) / span * new), new - 1)
        return Sight(new, None if end >= steps - 1 else max(end, new - 1))

    def panned(self, steps: int, direction: int) -> Sight:
        """A quarter of what is in sight earlier (-1) or later (1)."""
        first, last = self.part(steps)
        span = last - first + 1
        end = last + direction * max(1, span // 4)
        return Sight(self.span, None if end >= steps - 1 else max(end, span - 1))

    def with_step(self, steps: int, index: int) -> Sight:
        """Moved no further than that ``index`` is in sight."""
        first, last = self.part(steps)
        if first <= index <= last:
            return self
        end = index + last - first if index < first else index
        return Sight(self.span, None if end >= steps - 1 else end)
