"""Files that are whole or not there, and no stranger's to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.files import (
    JsonLinesWriter,
    make_private_folder,
    private_folder_mode,
    private_mode,
    take_lock,
    whole_folder,
    write_whole,
)


@pytest.fixture(params=[0o022, 0o002, 0o077], ids=oct, autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Every story here, whatever the account's habit is."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def folder_of_mode(tmp_path: Path, mode: int) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize(
    ("of_folder", "of_file", "of_inner_folder"),
    [
        (0o755, 0o600, 0o700),
        (0o700, 0o600, 0o700),
        (0o2755, 0o600, 0o700),
        (0o775, 0o660, 0o770),
        (0o2770, 0o660, 0o770),
        (0o2777, 0o660, 0o770),
        (0o1777, 0o600, 0o700),  # /tmp
        (0o777, 0o600, 0o700),
    ],
)
def test_what_is_made_is_its_owner_s_or_the_group_s_whose_folder_it_is_in(
    tmp_path: Path, of_folder: int, of_file: int, of_inner_folder: int
) -> None:
    folder = folder_of_mode(tmp_path, of_folder)
    assert (private_mode(folder), private_folder_mode(folder)) == (of_file, of_inner_folder)

    write_whole(folder / "file", "text")
    take_lock(folder / "lock").close()
    JsonLinesWriter(folder / "lines").close()
    assert [mode_of(folder / name) for name in ("file", "lock", "lines")] == [of_file] * 3

    with whole_folder(folder / "inner") as part:
        (part / "deep").mkdir()
        (part / "deep" / "file").write_text("text")
    assert [mode_of(folder / name) for name in ("inner", "inner/deep")] == [of_inner_folder] * 2
    assert mode_of(folder / "inner/deep/file") == of_file


def test_a_group_s_folder_hands_its_group_on_to_the_folders_within(tmp_path: Path) -> None:
    folder = folder_of_mode(tmp_path, 0o2770)
    make_private_folder(folder / "runs" / "one")
    assert [(folder / name).stat().st_mode & 0o7777 for name in ("runs", "runs/one")] == [0o2770] * 2


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = folder_of_mode(tmp_path, 0o755)
    make_private_folder(folder, exist_ok=True)
    assert mode_of(folder) == 0o755
    with pytest.raises(FileExistsError):
        make_private_folder(folder)


def test_a_link_laid_where_the_new_file_is_made_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not ours")
    (tmp_path / ".file.part").symlink_to(other)
    write_whole(tmp_path / "file", "text")
    assert (other.read_text(), (tmp_path / "file").read_text()) == ("not ours", "text")


def test_a_file_system_without_modes_is_written_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refused)
    monkeypatch.setattr(Path, "chmod", refused)
    write_whole(tmp_path / "file", "text")
    make_private_folder(tmp_path / "folder")
    assert (tmp_path / "file").read_text() == "text"


def test_ctrl_c_while_a_folder_is_filled_leaves_nothing_of_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "out") as part:
        (part / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
