"""A disk that is full or read-only beneath a shared store."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset.formats.reading import Candidate
from studio.errors import StudioError
from studio.sharing.opening import LOCK_NAME, open_store
from tests.dataset.six_examples import SIX


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small disk can only be mounted by root: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_who_asks_on_a_full_disk_hears_it_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "studio.duckdb"
    with open_store(path, "anna") as anna, open_store(path, "bo") as bo:
        anna.add(SIX, "six")
        rubbish = small_disk / "rubbish"
        with pytest.raises(OSError, match="No space"), rubbish.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StudioError, match="the disk is full; this change was not saved"):
            bo.add([Candidate(f"prompt {number}" * 100, "c") for number in range(1_000)], "many")
        assert bo.stats().examples == 6
        rubbish.unlink()
        assert bo.set_label([2], "reject").count == 1
    with open_store(path, "cy") as cy:
        assert cy.stats().labels["reject"] == 1 and cy.stats().examples == 6


def test_a_full_disk_keeps_nobody_from_opening_and_sharing_what_is_there(small_disk: Path) -> None:
    path = small_disk / "studio.duckdb"
    with open_store(path, "anna") as anna:
        anna.add(SIX, "six")
    path.with_name(LOCK_NAME).unlink()
    with (small_disk / "rubbish").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    with open_store(path, "anna") as anna, open_store(path, "bo") as bo:
        assert bo.stats().examples == anna.stats().examples == 6


def test_on_a_read_only_disk_it_is_said_as_before(small_disk: Path) -> None:
    path = small_disk / "studio.duckdb"
    with open_store(path, "anna") as anna:
        anna.add(SIX, "six")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StudioError, match="no permission to write the store"):
        open_store(path, "anna")
