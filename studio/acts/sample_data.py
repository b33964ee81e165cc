"""Where the sample data is."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from studio.errors import StudioError


def sample_data_path() -> Path:
    """The sample data: beside the package in a checkout, in the environment's ``share/`` where a wheel is installed.

    Raises StudioError where it did not come along.
    """
    package_parent = Path(__file__).resolve().parents[2]
    installed = [Path(root, "share/tune-studio/sample_data") for root in (package_parent, sysconfig.get_path("data"))]
    for path in (package_parent / "sample_data", *installed):
        if (path / "tickets.jsonl").is_file():
            return path
    raise StudioError(
        f"The sample data is neither in {package_parent} nor in {installed[-1]}.", "Install the studio anew."
    )
