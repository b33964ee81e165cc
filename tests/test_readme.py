"""README says what the code says: verbs, keys and files are made from it, and its commands are the ones CI runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from readme_blocks import README, filled  # noqa: E402

TEXT = README.read_text(encoding="utf-8")


def test_verbs_keys_and_file_tree_are_those_of_the_code() -> None:
    assert filled(TEXT) == TEXT, "README.md is stale: python docs/readme_blocks.py"


def test_the_opening_is_two_sentences_a_picture_and_two_commands() -> None:
    opening = TEXT.split("## ")[0]
    words = opening.split("![")[0].split("\n\n", 1)[1]
    assert len(re.findall(r"[.!?](?=\s|$)", words.strip())) == 2
    assert re.findall(r"^    (.+)$", opening, re.MULTILINE) == [
        "pip install -e . && studio demo",
        "pip install -e '.[dev]' && pytest",
    ]


def test_every_file_that_readme_names_is_there() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / path).exists(), path
    for name in re.findall(r"`(\w+_\w+\.py)`", TEXT):
        assert (ROOT / "benchmarks" / name).exists() or list(ROOT.glob(f"studio/**/{name}")), name


def test_no_file_says_where_it_was_made() -> None:
    made = [README, *(path for room in ("studio/**/*.py", "docs/*.*", "sample_data/*.md") for path in ROOT.glob(room))]
    for path in made:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/work/|/root/|\.library|/opt/", text), path
