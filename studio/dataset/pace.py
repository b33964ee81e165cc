"""How fast somebody labels: from the time really worked, so that a pause makes nobody slower."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

# Between two decisions that are further apart somebody did something else.
PAUSE_SECONDS = 120
# A rate from less work than this is noise: three quick keys are not 3,600 an hour.
LEAST_WORKED_SECONDS = 60


def decisions_an_hour(times: Sequence[datetime]) -> float | None:
    """Decisions per hour of work, from when each was made, in any order; None where too little was worked.

    Work is the sum of the gaps up to ``PAUSE_SECONDS``, and each such gap is one decision: how long the first one
    after a pause took, nobody knows.
    """
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(sorted(times))]
    worked = [gap for gap in gaps if gap <= PAUSE_SECONDS]
    return len(worked) * 3600 / sum(worked) if sum(worked) >= LEAST_WORKED_SECONDS else None
