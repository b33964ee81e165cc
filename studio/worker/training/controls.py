"""What a person asks of a run that goes on, by files in its directory: wait, write a checkpoint, be shorter or longer.

The studio writes the files; each is gone once the wish is met, so that it is met once.
"""

from __future__ import annotations

import time
from dataclasses import replace

from studio.errors import StudioError
from studio.files import read_json_object
from studio.runs.events import Continued, LengthChanged, Paused, Warned
from studio.runs.schedules import change_of_rate, length_words
from studio.runs.specs import TrainSpec, write_spec
from studio.worker.session import Session

LOOK_EVERY_SECONDS = 0.5


def is_pause_asked(session: Session) -> bool:
    return session.directory.pause_path.exists() and not session.is_stop_asked()


def take_checkpoint_wish(session: Session) -> bool:
    """Whether a checkpoint is wanted now; the wish is then gone."""
    try:
        session.directory.checkpoint_wish_path.unlink()
    except FileNotFoundError:
        return False
    return True


def wait_while_paused(session: Session, step: int) -> float:
    """Wait until the pause is over or a stop is asked for; how many seconds that took. No core works meanwhile."""
    began = time.monotonic()
    session.events.write(Paused(step=step))
    while is_pause_asked(session):
        time.sleep(LOOK_EVERY_SECONDS)
    session.directory.pause_path.unlink(missing_ok=True)
    session.events.write(Continued(step=step))
    return time.monotonic() - began


def with_length(session: Session, spec: TrainSpec, step: int, steps: int, examples: int) -> TrainSpec:
    """The spec with the length that was asked for, written to ``spec.json``; ``spec`` itself where none was.

    ``steps`` is the run's length until now, ``examples`` what an epoch has.
    """
    path = session.directory.length_path
    try:
        epochs = float(read_json_object(path)["epochs"])
        longer = replace(spec, epochs=epochs)
    except FileNotFoundError:
        return spec
    except (StudioError, KeyError, TypeError, ValueError) as error:
        session.events.write(Warned(step=step, message=f"the wish for another length cannot be read: {error}"))
        path.unlink(missing_ok=True)
        return spec
    path.unlink(missing_ok=True)
    new_steps = longer.steps_of(examples)
    if new_steps <= step:
        message = f"the wish to end at step {new_steps:,} came after that step"
        session.events.write(Warned(step=step, message=message, hint="X stops the run where it is."))
        return spec
    write_spec(session.directory, longer)
    words = length_words(steps, new_steps, *change_of_rate(step, steps, new_steps, spec))
    session.events.write(LengthChanged(step=step, steps=new_steps, epochs=epochs, message=words))
    return longer
