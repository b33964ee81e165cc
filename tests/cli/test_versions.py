"""``studio version``: a version before cleaning, what the cleaning changed, and the old rows in a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from studio.acts.moments import moment_of
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from studio.project import Project
from tests.cli.conftest import Studio
from tests.dataset.six_examples import SIX


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project.init(tmp_path / "desk")
    with Store.open(project.store_path, "anna") as store:
        store.add(SIX, "six.jsonl")
    return project


def test_a_person_names_the_rows_cleans_them_and_sees_what_that_changed(
    studio: Studio, project: Project, tmp_path: Path
) -> None:
    assert "studio version create" in studio("version", "list").stderr
    made = studio("version", "create", "raw", "--note", "as imported")
    assert made.exit_code == 0 and made.stderr.startswith("raw: 6 rows · content ")
    with Store.open(project.store_path, "anna") as store:
        store.set_text(2, completion='{"intent": "mend"}')
        store.set_label([1, 3], "accept")
        store.remove([6])
    listed = studio("version", "list").stdout
    assert "raw" in listed and "as imported" in listed
    shown = studio("version", "show", "raw").stdout
    assert "since then 1 removed, 1 edited, 2 relabelled (tickets 3, tone 1)" in shown
    said = studio("version", "diff", "raw").stdout
    assert '{"intent": "[-repair-]{+mend+}"}' in said
    assert "none → accept  2 rows  1, 3" in said and "灯坏了 → neutral" in said
    facts = json.loads(studio("version", "diff", "raw", "now", "--json").stdout)
    assert facts["edited"] == [
        {"example_id": 2, "completion": {"before": '{"intent": "repair"}', "after": '{"intent": "mend"}'}}
    ]
    assert (facts["removed"], facts["rows"]) == ([6], 4)
    out = tmp_path / "raw.jsonl"
    assert "wrote the 6 rows of raw" in studio("version", "export", "raw", str(out)).stderr
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["completion"] for row in rows] == [one.completion for one in SIX]


def test_a_row_and_the_whole_dataset_are_shown_as_of_a_moment(studio: Studio, project: Project, tmp_path: Path) -> None:
    moment = datetime.now(UTC).isoformat()
    with Store.open(project.store_path, "anna") as store:
        store.set_text(1, completion="another")
        store.remove([2])
    assert '{"intent": "track"}' in studio("show", "1", "--as-of", moment).stdout
    assert "My lamp is broken" in studio("show", "2", "--as-of", moment).stdout
    assert studio("show", "2").exit_code == 2, "it is in the trash today"
    assert "no example 1 at 2020-01-01" in studio("show", "1", "--as-of", "2020-01-01").stderr
    assert "is no moment" in studio("show", "1", "--as-of", "soon").stderr
    assert studio("version", "create", "then", "--as-of", moment).exit_code == 0
    assert "1 removed, 1 edited" in studio("version", "show", "then").stdout
    studio("version", "export", "then", str(tmp_path / "then.jsonl"))
    assert len((tmp_path / "then.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_a_date_is_its_end_and_hours_are_counted_back() -> None:
    assert moment_of("2026-11-20").strftime("%Y-%m-%d %H:%M") == "2026-11-20 23:59"
    assert moment_of("2026-11-20 14:30").strftime("%H:%M") == "14:30"
    assert moment_of("2026-11-20T14:30+00:00") == datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
    assert timedelta(hours=2, minutes=59) < datetime.now(UTC) - moment_of("3 hours ago") < timedelta(hours=3, minutes=1)
    with pytest.raises(AskedWrongly, match="before all time"):
        moment_of("99999999999 weeks ago")


def test_a_version_that_is_not_there_is_named_with_those_that_are(studio: Studio) -> None:
    studio("version", "create")
    refused = studio("version", "diff", "clean")
    assert refused.exit_code == 2 and "no version 'clean'" in refused.stderr and "Versions: v1." in refused.stderr
