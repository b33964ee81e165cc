"""The pages say what the code says: their tables are made from it, and README's commands are the ones CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.readme_blocks import PAGES, ROOT, filled

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
WRITTEN = [README, *sorted(ROOT.glob("docs/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_verbs_keys_and_file_tree_are_those_of_the_code(page: Path) -> None:
    assert filled(page) == page.read_text(encoding="utf-8"), f"{page.name} is stale: python docs/readme_blocks.py"


def test_the_opening_is_two_sentences_a_picture_and_two_commands() -> None:
    opening = TEXT.split("## ")[0]
    words = opening.split("![")[0].split("\n\n", 1)[1]
    assert len(re.findall(r"[.!?](?=\s|$)", words.strip())) == 2
    assert re.findall(r"^    (.+)$", opening, re.MULTILINE) == [
        "pip install -e . && studio demo",
        "pip install -e '.[dev]' && pytest",
    ]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / link).exists(), link
    for name in re.findall(r"`((?:[\w.]+/)*\w+\.py)`", text):
        rooms = (ROOT, ROOT / "studio", ROOT / "benchmarks", ROOT / "tests", *ROOT.glob("studio/**/"))
        assert any((room / name).exists() for room in rooms), name


def test_no_file_says_where_it_was_made() -> None:
    made = [README, *(path for room in ("studio/**/*.py", "docs/*.*", "sample_data/*.md") for path in ROOT.glob(room))]
    for path in made:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/work/|/root/|\.library|/opt/", text), path
