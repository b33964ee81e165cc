"""The kinds of model there are, to a run's process: one file a family, named as in ``tokens/families.py``."""

from __future__ import annotations

import importlib
from pathlib import Path

from studio.tokens.families import family_of
from studio.tokens.tokenizer import ModelFolder
from studio.worker.families.family import FamilyWork


def family_in(path: Path) -> FamilyWork:
    """The family of the model in a folder. Raises StudioError where none fits."""
    family: FamilyWork = importlib.import_module(f"{__name__}.{family_of(ModelFolder(path)).name}").FAMILY
    return family
