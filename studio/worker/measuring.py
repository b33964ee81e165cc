"""``python -m studio.worker.measuring RUN_DIR``: what a run would take, by a few steps of it; then the process ends.

Its events are those of a run up to the forecast, and a final one.
"""

from __future__ import annotations

import sys

from studio.errors import StudioError
from studio.runs.settings import Spec
from studio.runs.specs import TrainSpec
from studio.worker.__main__ import main
from studio.worker.session import Session


def measure(session: Session, spec: Spec) -> None:
    """Write the forecast of a train run. Raises StudioError for anything a person must mend."""
    if not isinstance(spec, TrainSpec):
        raise StudioError(f"only a train run is measured beforehand, not one of kind {spec.kind!r}.")
    from studio.worker.training.train import measure_steps

    measure_steps(session, spec)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], measure))
