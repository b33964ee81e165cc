"""What a search finds for a question, what of a folder of documents is read, and which rows would give answers away."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from studio.errors import AskedWrongly, StudioError
from studio.runs.directory import FrozenRow
from studio.runs.retrieval import documents
from studio.runs.retrieval.documents import read_documents, read_frozen_documents, write_documents
from studio.runs.retrieval.index import Index
from studio.runs.retrieval.overlap import near_rows, refuse_overlap
from studio.runs.retrieval.words import stretches, terms


def test_a_score_is_bm25_as_lucene_computes_it() -> None:
    """By hand: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), times tf / (tf + k1 (1 - b + b |d| / mean)), k1 1.5, b 0.75."""
    index = Index(["red red rose", "red brick", "blue sky", "the night"])
    mean = 9 / 4
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    first = idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / mean))
    second = idf * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / mean))
    (one, of_one), (two, of_two), (_, none) = index.best("Red?", 3)
    assert (one, two) == (0, 1)
    assert (of_one, of_two) == pytest.approx((first, second), rel=1e-5) and none == 0


@pytest.mark.parametrize("texts", [[], ["", "..."], ["word"]])
@pytest.mark.parametrize("question", ["", "?!", "nothing like it"])
def test_where_nothing_fits_the_order_is_that_of_the_texts(texts: list[str], question: str) -> None:
    assert Index(texts).best(question, 5) == [(number, 0.0) for number in range(len(texts))]


def test_words_are_found_in_any_case_and_script() -> None:
    assert terms("Don't STOP, Größe 1,000") == ["don", "t", "stop", "grösse", "1", "000"]
    assert terms("今天天气 ok") == ["今", "天", "天", "气", "ok"]


def test_a_long_text_is_cut_into_passages_that_overlap_and_lose_nothing() -> None:
    text = " ".join(f"w{number}" for number in range(250)) + "\n\nend"
    parts = stretches(text, 120, 20)
    assert [part.split()[0] for part in parts] == ["w0", "w100", "w200"]
    assert parts[0].split()[-20:] == parts[1].split()[:20] and parts[-1].endswith("w249\n\nend")
    assert stretches("x" * 100, 2, 0) == ["x" * 80, "x" * 20], "what has no spaces is cut too"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("Returns are free for thirty days.")
    (folder / "deep" / "b.md").write_text("# Shipping\n\nWe ship on Mondays.")
    (folder / "c.html").write_text("<style>p{}</style><p>Call us<p>at noon<script>steal()</script>")
    (folder / "d.jsonl").write_text('{"text": "first", "id": "x"}\n\n{"title": "second", "note": "both"}\n')
    return folder


def test_documents_of_every_kind_are_read_with_the_place_of_each_passage(folder: Path, tmp_path: Path) -> None:
    found = read_documents(folder, 120, 20)
    assert {passage.source: passage.text for passage in found.passages} == {
        "a.txt:1": "Returns are free for thirty days.",
        "deep/b.md:1": "# Shipping\n\nWe ship on Mondays.",
        "c.html:1": "Call us\nat noon",
        "d.jsonl:1": "first",
        "d.jsonl:2": "second\nboth",
    }
    write_documents(tmp_path / "frozen.jsonl", found)
    assert read_frozen_documents(tmp_path / "frozen.jsonl") == found


def test_what_is_no_document_is_skipped_by_name_and_with_the_reason(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.txt").write_text("a secret")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "away").symlink_to(tmp_path)
    (folder / "again.txt").symlink_to(folder / "a.txt")
    (folder / "binary.txt").write_bytes(b"PK\x03\x04\0\0")
    (folder / "latin.txt").write_bytes("Größe".encode("latin-1"))
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "bad.jsonl").write_text('{"text": "fine"}\nnot json\n')
    with (folder / "big.txt").open("wb") as big:
        big.truncate(100 << 20)
    os.mkfifo(folder / "pipe.txt")
    found = read_documents(folder, 120, 20)
    reasons = dict(reason.split(": ", 1) for reason in found.skipped)
    assert reasons["out.txt"] == reasons["away"] == "a link that leads out of the folder"
    assert reasons["binary.txt"] == "no text" and reasons["latin.txt"] == "not UTF-8"
    assert reasons["big.txt"] == "100 MB, more than 20" and reasons["bad.jsonl"] == "line 2 is not JSON"
    assert reasons["picture.png"].startswith("not one of .txt") and "pipe.txt" in reasons
    assert not any("secret" in passage.text for passage in found.passages)
    assert "again.txt:1" in {passage.source for passage in found.passages}, "a link within the folder is a document"
    monkeypatch.setattr(documents, "MOST_FILES", 2)
    assert "more than 2 files" in read_documents(folder, 120, 20).skipped[-1]


def test_a_folder_with_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AskedWrongly, match="no such folder"):
        read_documents(tmp_path / "none", 120, 20)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with pytest.raises(AskedWrongly, match="no document") as refused:
        read_documents(tmp_path, 120, 20)
    assert "picture.png" in refused.value.hint


def row(number: int, prompt: str) -> FrozenRow:
    return FrozenRow(number, "t", prompt, "c")


def test_a_prompt_that_differs_in_a_word_of_many_is_near() -> None:
    long = (
        "my parcel with the two lamps was left at the wrong door and now nobody in the house has seen it since monday"
    )
    pool = [row(1, f"{long} evening"), row(2, "where is my parcel with the two lamps"), row(3, long.upper() + "!")]
    assert near_rows([row(9, long)], pool) == {1: 9, 3: 9}


def test_the_bound_is_a_jaccard_index_of_eight_tenths() -> None:
    """Ten words have 8 shingles; one more at the end, 9: 8 / 9 is near. Three more: 8 / 11 is not."""
    ten = "one two three four five six seven eight nine ten"
    pool = [row(1, f"{ten} eleven"), row(2, f"{ten} eleven twelve"), row(3, f"{ten} eleven twelve thirteen")]
    assert near_rows([row(9, ten)], pool) == {1: 9, 2: 9}


def test_an_instruction_around_every_prompt_makes_no_two_of_them_near() -> None:
    instruction = (
        "extract product order intent and urgency as json from the message of a customer and say nothing else "
    )
    tests = [
        row(number, f"{instruction}{word} of today") for number, word in enumerate(("lamp", "mouse", "desk", "car"))
    ]
    pool = [row(10, f"{instruction}chair of today"), row(11, f"{instruction}Lamp of today")]
    assert near_rows(tests, pool) == {11: 0}


def test_comparing_only_the_rarest_finds_what_comparing_all_pairs_finds() -> None:
    import random

    source = random.Random(7)
    texts = [" ".join(source.choice("abcdef") for _ in range(source.randint(1, 14))) for _ in range(120)]
    tests, pool = (
        [row(i, text) for i, text in enumerate(texts[:40])],
        [row(i, text) for i, text in enumerate(texts)][40:],
    )

    def shingles(text: str) -> set[str]:
        words = text.split()
        return {" ".join(words[at : at + 3]) for at in range(max(len(words) - 2, 1))}

    near = {
        of_pool.example_id
        for of_pool in pool
        for test in tests
        if len(shingles(of_pool.prompt) & shingles(test.prompt))
        >= 0.8 * len(shingles(of_pool.prompt) | shingles(test.prompt))
    }
    assert set(near_rows(tests, pool)) == near and near


def test_a_test_row_with_the_prompt_of_a_learned_one_is_refused() -> None:
    with pytest.raises(StudioError, match="1 test rows share their prompt with a training row: examples 4"):
        refuse_overlap([row(4, "same"), row(5, "other")], [row(1, "same")])
    refuse_overlap([row(5, "other")], [row(1, "same")])


def test_a_frozen_line_without_its_text_is_damage(tmp_path: Path) -> None:
    (tmp_path / "documents.jsonl").write_text(json.dumps({"source": "a:1"}) + "\n")
    with pytest.raises(StudioError, match="damaged"):
        read_frozen_documents(tmp_path / "documents.jsonl")
