"""The dataset card says what is in the store, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.acts.card import card_of, write_card
from studio.acts.checking import run_checks
from studio.acts.exporting import FileExists
from studio.dataset.candidates import Candidate
from studio.dataset.store import Store
from studio.project import Project
from studio.turns import Turn, written

CARD = """\
---
license: "cc-by-4.0"
size_categories:
- n<1K
---

# desk

- 4 examples for supervised fine-tuning: a prompt and its completion each.
- 1 with earlier turns of a conversation before the prompt.
- 1 with a rejected answer beside the chosen one.
- 1 whose prompt stands in another example too.
- As of {at} UTC.
- Licence: cc-by-4.0.

## Splits and labels

| split | accept | reject | skip | none | all |
| --- | --- | --- | --- | --- | --- |
| train | 1 | 1 | 0 | 0 | 2 |
| none | 1 | 0 | 0 | 1 | 2 |

## Tasks

| task | examples |
| --- | --- |
| (none) | 3 |
| to\\|ne | 1 |

## Sources

| file | examples |
| --- | --- |
| a.jsonl | 4 |

## Lengths

|  | median | 95 of 100 are below | longest |
| --- | --- | --- | --- |
| prompt, in characters | 2 | 10 | 12 |
| completion, in characters | 2 | 8 | 9 |

## Who decided

| who | labelled | edited |
| --- | --- | --- |
| anna | 2 | 1 |

## Where it came from

| import | by | on | examples now |
| --- | --- | --- | --- |
| import 5 examples from a.jsonl | anna | {on} | 4 |
"""


def test_a_card_is_written_from_facts(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    with Store.open(project.store_path, "anna") as store:
        rows = [
            Candidate("p1", "c1", "to|ne", label="accept", split="train"),
            Candidate("p1", "c2", rejected="r", context=written([Turn("assistant", "Hi")])),
            Candidate("P2", "c3", split="train"),
            Candidate("p2", "c4"),
            Candidate("removed", "x"),
        ]
        store.add(rows, "a.jsonl")
        store.set_label([3], "reject")
        store.set_label([4], "accept")
        store.set_text(2, prompt="a longer one", completion="answer it")
        store.remove([5])
        text = card_of(project, store, "cc-by-4.0")
        at = store.facts().newest_change
        assert at
        body, _, checks = text.partition("\n## Checks")
        assert body == CARD.format(at=f"{at:%Y-%m-%d %H:%M}", on=f"{at:%Y-%m-%d}")
        assert checks == "\n\nNone was run (`studio check`).\n"
        assert "Licence: not stated." in card_of(project, store) and "license:" not in card_of(project, store)
        run_checks(project, store, ["contradictory_duplicates"])
        assert "| contradictory\\_duplicates |" in card_of(project, store)
        store.save_counts("f", [1, 2, 3, 4], [1, 2, 1, 1], [5] * 4, [7] * 4, [12] * 4)
        list(store.uncounted("f"))
        assert "| completion, in tokens | 7 | 7 | 7 |" in card_of(project, store)
    path = tmp_path / "README.md"
    write_card(path, text)
    with pytest.raises(FileExists):
        write_card(path, "other")
    assert path.read_text() == text
    write_card(path, "other", may_replace=True)
    assert path.read_text() == "other"


def test_an_empty_store_has_a_card_too(tmp_path: Path) -> None:
    project = Project.init(tmp_path / "desk")
    with Store.open(project.store_path, "anna") as store:
        assert "- 0 examples for supervised" in card_of(project, store)
