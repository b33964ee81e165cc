"""Import and export at the prompt: pipes, files that are there already, columns that are not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studio.acts.exporting import export_to_stream
from studio.cli.app import app
from studio.dataset.store import Store
from studio.errors import StudioError
from studio.project import Project
from tests.cli.conftest import Studio

ROWS = [{"prompt": f"câu hỏi {number}", "completion": "c\r\n", "task": "t"} for number in range(3)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.init(tmp_path / "desk")


class TestPipes:
    def test_what_is_exported_to_a_pipe_is_data_and_nothing_else_and_comes_in_again(
        self, studio: Studio, tmp_path: Path
    ) -> None:
        assert "added 3 examples" in studio("import", "-", piped=LINES).stderr
        written = studio("export", "-")
        assert (written.exit_code, written.stdout_bytes) == (0, LINES.encode())
        assert written.stderr == "wrote 3 examples to standard output\n"
        other = Project.init(tmp_path / "other")
        again = CliRunner().invoke(app, ["-C", str(other.root), "import", "-"], input=written.stdout_bytes)
        assert "added 3 examples · 0 already there · 0 problems" in again.stderr

    def test_a_filter_holds_for_a_pipe_too(self, studio: Studio) -> None:
        studio("import", "-", piped=LINES)
        assert studio("export", "-", "--where", "example_id = 2").stdout == LINES.splitlines(keepends=True)[1]

    def test_a_problem_in_a_pipe_is_named_and_undo_says_where_the_rows_came_from(self, studio: Studio) -> None:
        assert "-:4: not JSON" in studio("import", "-", piped=LINES + "nonsense\n").stderr
        assert studio("undo").stderr == "undone: import 3 examples from stdin\n"

    def test_an_empty_pipe_is_said(self, studio: Studio) -> None:
        result = studio("import", "-", piped="")
        assert (result.exit_code, "-: the file is empty" in result.stderr) == (2, True)

    def test_a_terminal_is_not_waited_on(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        class Terminal:
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr("studio.cli.data.sys.stdin", Terminal(), raising=False)
        from studio.cli.data import _piped_in

        with pytest.raises(StudioError, match="nothing is piped in"):
            _piped_in()

    def test_a_full_disk_behind_the_pipe_is_said_and_a_reader_who_left_is_not(
        self, studio: Studio, project: Project
    ) -> None:
        studio("import", "-", piped=LINES)
        with Store.open(project.store_path, "anna") as store, Path("/dev/full").open("wb", buffering=0) as full:
            with pytest.raises(StudioError, match="No space left on device"):
                export_to_stream(store, full, [1, 2, 3])
            read_end, write_end = os.pipe()
            os.close(read_end)
            with os.fdopen(write_end, "wb", buffering=0) as left, pytest.raises(BrokenPipeError):
                export_to_stream(store, left, [1, 2, 3])


class TestAFileThatIsThere:
    @pytest.fixture
    def file(self, studio: Studio, tmp_path: Path) -> Path:
        studio("import", "-", piped=LINES)
        path = tmp_path / "out.jsonl"
        path.write_text("somebody's work")
        return path

    def test_it_was_replaced_without_a_word_and_now_needs_force(self, studio: Studio, file: Path) -> None:
        refused = studio("export", str(file))
        assert refused.exit_code == 2
        assert "exists; nothing was written" in refused.stderr and "--force" in refused.stderr
        assert file.read_text() == "somebody's work"
        assert studio("export", str(file), "--force").exit_code == 0
        assert file.read_text() == LINES

    @pytest.mark.parametrize(("answer", "code", "holds"), [("y", 0, LINES), ("n", 1, "somebody's work")])
    def test_at_a_terminal_it_is_asked(
        self, studio: Studio, file: Path, answer: str, code: int, holds: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("studio.cli.data.can_ask", lambda: True)
        result = studio("export", str(file), piped=f"{answer}\n")
        assert (result.exit_code, result.stdout) == (code, "")
        assert "exists. Replace it? [y/N]" in result.stderr
        assert file.read_text() == holds

    def test_a_folder_is_never_replaced(self, studio: Studio, tmp_path: Path) -> None:
        (tmp_path / "folder.jsonl").mkdir()
        result = studio("export", str(tmp_path / "folder.jsonl"), "--force")
        assert (result.exit_code, "a folder" in result.stderr) == (2, True)

    def test_an_export_is_for_its_owner_alone(self, studio: Studio, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir(0o755)
        path = tmp_path / "mine" / "rows.csv"
        assert studio("export", str(path)).exit_code == 0
        assert path.stat().st_mode & 0o777 == 0o600


class TestAWrongMap:
    """One column misspelt used to be 7,473 lines of problems."""

    QUESTIONS = "".join(json.dumps({"question": f"q{n}", "answer": "a", "n": n}) + "\n" for n in range(2_000))

    @pytest.mark.parametrize(
        ("mapping", "said", "meant"),
        [
            (
                "prompt=quesion,completion=answer",
                "no column quesion; did you mean question? The file has question, answer, n.",
                "prompt=question,completion=answer",
            ),
            (
                "prompt=Question,completion=Answers",
                "no column Question and Answers; did you mean question and answer? The file has question, answer, n.",
                "prompt=question,completion=answer",
            ),
            (
                "prompt=question,completion=answer,task=topic",
                "no column topic; it has question, answer, n.",
                "prompt=COLUMN,completion=COLUMN",
            ),
        ],
    )
    def test_it_is_one_line_with_a_guess(self, studio: Studio, mapping: str, said: str, meant: str) -> None:
        result = studio("import", "-", "--map", mapping, piped=self.QUESTIONS)
        assert result.exit_code == 2
        assert result.stderr.splitlines() == [
            f"error -: {said}",
            f"  → Say which is which: studio import - --map {meant}",
        ]

    def test_the_guess_that_is_said_works(self, studio: Studio) -> None:
        result = studio("import", "-", "--map", "prompt=question,completion=answer", piped=self.QUESTIONS)
        assert "added 2,000 examples · 0 already there · 0 problems" in result.stderr

    def test_a_column_that_only_a_late_row_has_is_there(self, studio: Studio) -> None:
        late = json.dumps({"question": "q", "answer": "a", "topic": "t"})
        mapping = "prompt=question,completion=answer,task=topic"
        assert "added 2,001 examples" in studio("import", "-", "--map", mapping, piped=self.QUESTIONS + late).stderr


def test_the_same_pairs_under_another_task_are_already_there_and_it_says_so(studio: Studio) -> None:
    bare = "".join(json.dumps({"prompt": row["prompt"], "completion": row["completion"]}) + "\n" for row in ROWS)
    studio("import", "-", "--task", "one", piped=bare)
    result = studio("import", "-", "--task", "two", "--json", piped=bare + '{"prompt": "new", "completion": "c"}\n')
    assert json.loads(result.stdout) | {"problems": 0} == {
        "added": 1, "duplicates": 3, "duplicates_of_another_task": 3,
        "shapes": {"prompt/completion": 4}, "problems": 0, "is_dry_run": False,
    }  # fmt: skip
    said = "added 1 example · 3 already there, under another task · 0 problems"
    assert result.stderr == f"{said} · read as prompt/completion\n"
    some = studio("import", "-", "--task", "one", piped=bare + '{"prompt": "new", "completion": "c"}\n')
    assert "added 0 examples · 4 already there, 1 of them under another task · 0 problems" in some.stderr
