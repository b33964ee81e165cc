"""``studio agreement``: what two people came to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.project import Project
from tests.cli.conftest import Studio
from tests.dataset.six_examples import SIX


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.init(tmp_path / "desk")
    for who, label in (("anna", "accept"), ("bo", "reject")):
        with Store.open(made.store_path, who) as store:
            store.add(SIX, "six")
            store.set_label([1], "accept")
            store.set_label([2], label)
    return made


def test_it_lists_pairs_and_rows_without_agreement(project: Project, studio: Studio) -> None:
    result = studio("agreement")
    assert ["anna", "bo", "2", "50.0", "%", "0.000"] in [line.split() for line in result.stdout.splitlines()]
    assert "2 rows labelled by two or more of 2 labellers · no agreement on 1" in result.stderr
    facts = json.loads(studio("agreement", "--json").stdout)
    assert facts["disagreed"] == {"2": {"anna": "accept", "bo": "reject"}} and facts["pairs"][0]["percent"] == 0.5
    assert "no agreement on 0" in studio("agreement", "--where", "example_id = 1").stderr
