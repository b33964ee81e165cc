"""A disk that is nearly full: the next checkpoints would not fit."""

from __future__ import annotations

from studio.runs.watchdogs.watchdog import Alarm, SeenStep, Watchdog

LEAST_FREE_BYTES = 200_000_000
CHECKPOINTS_TO_COME = 2  # one is written beside the one it follows; then comes the result


class Disk(Watchdog):
    NAME = "disk"
    ABOUT = "a disk with no room for the next checkpoints"

    def on_step(self, seen: SeenStep) -> Alarm | None:
        needed = max(LEAST_FREE_BYTES, CHECKPOINTS_TO_COME * seen.checkpoint_bytes)
        if seen.free_bytes is None or seen.free_bytes >= needed:
            return None
        return Alarm(
            f"{seen.free_bytes / 1e6:,.0f} MB are free where the run writes, {needed / 1e6:,.0f} MB are wanted",
            "Make room: a checkpoint that cannot be written ends the run; the one before stays.",
            seen.step,
        )
