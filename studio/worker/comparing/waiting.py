"""A comparison that is to compare a run that still trains waits for its end; no weights are loaded meanwhile."""

from __future__ import annotations

import time

from studio.errors import StudioError
from studio.runs.directory import RunDirectory
from studio.runs.events import Preparing
from studio.runs.specs import TrainSpec
from studio.runs.watch import RunWatch
from studio.worker.session import Session

LOOK_EVERY_SECONDS = 1.0
SAY_EVERY_SECONDS = 60.0  # who is silent for minutes counts as stalled


def wait_for_training(session: Session, run_id: str) -> bool:
    """Wait until the train run ``run_id`` beside this one has ended; False where a stop was asked meanwhile.

    Raises StudioError where the run ended without anything that could answer.
    """
    run = RunDirectory(session.directory.path.parent / run_id)
    watch, said_at = RunWatch(run), 0.0
    while (state := watch.poll()).is_live:
        if session.is_stop_asked():
            return False
        if time.monotonic() - said_at >= SAY_EVERY_SECONDS or not said_at:
            session.events.write(Preparing(message=f"waiting for {run_id} to end"))
            said_at = time.monotonic()
        time.sleep(LOOK_EVERY_SECONDS)
    if not isinstance(state.spec, TrainSpec) or not run.result_path(state.spec.how.leaves).exists():
        raise StudioError(
            f"{run_id} is {state.status} and left nothing to compare.",
            f"studio resume {run_id}, and this comparison when it has ended.",
        )
    return True
