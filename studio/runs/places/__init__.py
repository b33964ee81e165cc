"""Where a run's process lives: starting it, asking after it, ending it, reading its log. ``PLACES`` has them all."""

from __future__ import annotations

from studio.errors import AskedWrongly
from studio.runs.places.local import LOCAL
from studio.runs.places.place import Place

PLACES: tuple[Place, ...] = (LOCAL,)


def place_named(name: str) -> Place:
    """The place of that name. Raises AskedWrongly where there is none."""
    for place in PLACES:
        if place.name == name:
            return place
    raise AskedWrongly(f"place={name} is not known.", f"Choose one of: {', '.join(place.name for place in PLACES)}.")
