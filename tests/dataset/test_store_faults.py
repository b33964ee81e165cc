"""What can happen to a store from outside: another process, a newer program, damage, a full disk, a crash."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset import edits, migrations
from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.errors import AskedWrongly, StoreHeld, StoreTooNew, StudioError
from tests.dataset.six_examples import SIX
from tests.dataset.undoing import redone, undone


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


HOLDS = """
import sys
from pathlib import Path
from studio.dataset.store import Store
with Store.open(Path(sys.argv[1]), "ben"):
    print("open", flush=True)
    sys.stdin.read()
"""

ACTS_THEN_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
store = Store.open(Path(sys.argv[1]), "ben")
store.add([Candidate(f"prompt {number}", "c") for number in range(3_000)], "")
store.set_label([1, 2], "accept")
store.set_text(2, completion="mended")
store.set_label([3], "reject")
store.undo()
print(os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_store_held_by_another_process_names_its_pid(store_path: Path) -> None:
    process = child(HOLDS, store_path)
    try:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        with pytest.raises(StoreHeld) as caught:
            Store.open(store_path, "anna")
        assert caught.value.pid == process.pid and f"process {process.pid}" in caught.value.message
    finally:
        ended(process)
    with Store.open(store_path, "anna") as store:
        assert store.stats().examples == 0


def test_sigkill_right_after_an_act_loses_nothing(store_path: Path) -> None:
    process = child(ACTS_THEN_IS_KILLED, store_path)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    with Store.open(store_path, "ben") as store:
        assert store.stats().labels == {"accept": 2, "reject": 0, "skip": 0, "none": 2_998}
        assert (store.example(2).completion, store.example(2).revision) == ("mended", 2)
        assert redone(store).summary == "reject 1 example"
        assert store.set_label([4], "skip").batch_id > 4


def test_closing_twice_and_a_second_store_in_this_process(store: Store, store_path: Path) -> None:
    with Store.open(store_path, "ben") as second:
        second.add(SIX, "six")
        assert store.set_label([1], "accept").count == 1
        assert second.example(1).label == "accept" and undone(store).summary == "accept 1 example"
    second.close()
    assert store.stats().examples == 6


class TestOtherVersions:
    def test_a_store_from_a_newer_studio_is_left_alone(self, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as newer:
            newer.setattr(
                migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ("0099 tags", "CREATE TABLE tags (tag VARCHAR)"))
            )
            Store.open(store_path, "anna").close()
        before = store_path.read_bytes()
        with pytest.raises(StoreTooNew, match="'0099 tags'") as caught:
            Store.open(store_path, "anna")
        assert "pip install -U" in caught.value.hint and store_path.read_bytes() == before

    def test_an_older_store_is_brought_up_with_its_rows(
        self, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Store.open(store_path, "anna") as store:
            store.add(SIX, "six")
        newer = (*migrations.MIGRATIONS, ("0099 stars", "ALTER TABLE examples ADD COLUMN stars INTEGER"))
        monkeypatch.setattr(migrations, "MIGRATIONS", newer)
        with Store.open(store_path, "anna") as store:
            assert store.stats().examples == 6
            assert store.set_label([1], "accept").count == 1

    def test_a_step_that_fails_leaves_the_store_as_it_was(
        self, store_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Store.open(store_path, "anna").close()
        with monkeypatch.context() as newer:
            broken = "CREATE TABLE tags (tag VARCHAR); CREATE TABLE tags (tag VARCHAR)"
            newer.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, ("0099 tags", broken)))
            with pytest.raises(StudioError, match="already exists"):
                Store.open(store_path, "anna")
        with Store.open(store_path, "anna") as store:
            assert store.add(SIX, "six").added == 6

    def test_the_steps_in_people_s_stores_are_not_changed(self) -> None:
        names = [name for name, _ in migrations.MIGRATIONS]
        assert names[:3] == ["0001 examples", "0002 edits", "0003 token counts"]
        assert names == sorted(set(names))


class TestFilesThatAreNoStore:
    def test_text_an_empty_file_a_folder_and_a_missing_folder(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("hello " * 5_000)
        (tmp_path / "empty").touch()
        with pytest.raises(StudioError, match="this file is not a store"):
            Store.open(tmp_path / "text", "anna")
        with pytest.raises(StudioError, match="an empty file") as caught:
            Store.open(tmp_path / "empty", "anna")
        assert "Delete it" in caught.value.hint
        with pytest.raises(StudioError, match="Is a directory"):
            Store.open(tmp_path, "anna")
        with pytest.raises(AskedWrongly, match="no such folder"):
            Store.open(tmp_path / "none" / "studio.duckdb", "anna")

    def test_somebody_else_s_database(self, store_path: Path) -> None:
        import duckdb

        with duckdb.connect(str(store_path)) as other:
            other.execute("CREATE TABLE sales (amount INTEGER)")
        with pytest.raises(StudioError, match=r"not a tune-studio store \(it has sales\)"):
            Store.open(store_path, "anna")

    @pytest.mark.parametrize("damage", ["cut", "flipped"])
    def test_a_damaged_store_says_so_and_is_left_as_it_is(self, store_path: Path, damage: str) -> None:
        with Store.open(store_path, "anna") as store:
            store.add([Candidate(f"{number}" * 50, "c" * 50) for number in range(5_000)], "")
        content = bytearray(store_path.read_bytes())
        if damage == "cut":
            content = content[: len(content) // 3]
        else:
            content[20_000::1_000] = bytes(byte ^ 0x5A for byte in content[20_000::1_000])
        store_path.write_bytes(content)
        with pytest.raises(StudioError, match="damaged") as caught, Store.open(store_path, "anna") as store:
            store.examples(store.view_ids())
        assert "Put a copy of it back" in caught.value.hint
        assert store_path.read_bytes() == content


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk can only be mounted by root: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_refuses_the_act_keeps_the_work_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "studio.duckdb"
    with Store.open(path, "anna") as store:
        store.add(SIX, "six")
        store.set_label([1], "accept")
        rubbish = small_disk / "rubbish"
        with pytest.raises(OSError, match="No space"), rubbish.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StudioError, match="the disk is full; this change was not saved") as caught:
            store.add([Candidate(f"prompt {number}" * 100, "c") for number in range(1_000)], "many")
        assert "Make room" in caught.value.hint
        assert store.stats().examples == 6 and store.example(1).label == "accept"
        rubbish.unlink()
        assert store.set_label([2], "reject").count == 1
        assert store.add([Candidate("one more", "c")], "").added == 1
    with Store.open(path, "anna") as store:
        assert store.stats().examples == 7 and store.stats().labels["reject"] == 1


def test_an_act_that_fails_half_way_leaves_nothing_behind(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object) -> None:
        raise RuntimeError("half way")

    with monkeypatch.context() as broken:
        broken.setattr(edits, "rehash", fails)
        with pytest.raises(RuntimeError):
            filled.set_text(1, completion="new")
    assert (filled.example(1).completion, filled.example(1).revision) == (SIX[0].completion, 1)
    assert filled.history(1) == [] and undone(filled).summary.startswith("import")


def test_leaving_while_rows_are_read_ends_the_reading_and_not_the_studio_with_a_traceback(tmp_path: Path) -> None:
    """DuckDB refuses to close a connection on which another thread happens to make a cursor."""

    def read(store: Store) -> None:
        with contextlib.suppress(StudioError):  # it was closed
            while True:
                store.view_ids()

    for number in range(40):
        store = Store.open(tmp_path / f"{number}.duckdb", "anna")
        readers = [threading.Thread(target=read, args=(store,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        store.close()
        for reader in readers:
            reader.join()
