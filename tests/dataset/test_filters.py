"""Filters: what a person may ask of the rows, and that nothing else gets through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from studio.dataset.filters import COLUMNS, FUNCTIONS, checked
from studio.dataset.store import Store
from studio.errors import AskedWrongly
from tests.dataset.six_examples import SIX

ALLOWED = [
    "label = 'accept'",
    "LABEL <> 'accept' AND NOT is_marked",
    "task IN ('tickets', 'tone') OR split NOT IN ('test')",
    "length(prompt) BETWEEN 10 AND 200",
    "prompt ILIKE '%parcel%' AND completion NOT LIKE 'a%'",
    "prompt LIKE '5$%' ESCAPE '$'",
    "prompt SIMILAR TO 'W.*' OR regexp_matches(prompt, 'lamp', 'i')",
    "revision + 1 > 2 AND -revision < 3 AND revision % 2 = 0 AND revision / 2 >= 0.5",
    "CASE WHEN revision = 1 THEN true ELSE false END",
    "note IS NULL OR note IS NOT DISTINCT FROM ''",
    "lower(prompt)[1:3] = 'whe' OR prompt[1] = 'W'",
    "CAST(example_id AS VARCHAR) = '1' OR example_id::INTEGER = 2 OR TRY_CAST(prompt AS DOUBLE) > 1",
    "coalesce(nullif(task, ''), 'none') = 'tone'",
    "json_valid(completion) AND TRY(completion->>'intent') = 'track'",
    "label = 'a' -- a comment",
    "label = 'a' /* ) */ ;",
    "starts_with(prompt, 'W') AND contains(prompt, 'p') AND strip_accents(prompt) = 'x'",
    "total_tokens > 100",
    "'a' || task = 'atone' AND greatest(revision, 2) = 2",
    "list_contains(['tone'], task)",
    "true",
]

REFUSED = [
    ("example_id IN (SELECT example_id FROM examples)", "a query within"),
    ("EXISTS (SELECT 1)", "a query within"),
    ("label = ANY(['accept'])", "a query within"),
    ("prompt = (SELECT content FROM read_text('/etc/passwd'))", "a query within"),
    ("read_csv('/etc/passwd') = 1", "read_csv()"),
    ("getenv('HOME') = 'x'", "getenv()"),
    ("current_setting('threads') = '1'", "current_setting()"),
    ("nextval('edit_ids') = 1", "nextval()"),
    ("pragma_version() = 1", "pragma_version()"),
    ("repeat('x', 1000000000) = prompt", "repeat()"),
    ("other.lower(label) = 'x'", "lower()"),
    ("count(*) > 1", "count_star()"),
    ("sum(revision) OVER () > 1", "a window function"),
    ("label = ?", "a parameter"),
    ("label = $1", "a parameter"),
    ("COLUMNS('lab.*') = '1'", "a star"),
    ("list_filter([1], lambda x: x > 1) = [1]", "list_filter()"),
    ("prompt COLLATE nocase = 'a'", "a collation"),
    ("prompt::DATE > '2020-01-01'", "cast to DATE"),
    ("label = 'a' ORDER BY 1", "must be one condition"),
    ("label = 'a' LIMIT 1", "must be one condition"),
    ("label = 'a' GROUP BY 1", "must be one condition"),
    ("label = 'a' UNION SELECT 1", "must be one condition"),
    ("label = 'a' QUALIFY true", "must be one condition"),
    ("true USING SAMPLE 10%", "must be one condition"),
    ("true; DROP TABLE examples", "cannot be read|must be one condition"),
    ("label = 'a') OR (1 = 1", "cannot be read"),
    ("label = 'a' /* unclosed", "cannot be read"),
    ("label = ", "cannot be read"),
    ("PRAGMA version", "cannot be read|no column"),
    ("is_removed", "is_removed, which is no column"),
    ("rowid = 1", "rowid, which is no column"),
    ("examples.label = 'a'", "examples.label, which is no column"),
    ("label = 'a\x00'", "no text"),
    ("label = '\ud800'", "no text"),
    ("NOT " * 4000 + "true", "characters"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for the tests that only look."""
    with Store.open(tmp_path_factory.mktemp("filters") / "studio.duckdb", "anna") as store:
        store.add(SIX, "six.jsonl")
        yield store


@pytest.mark.parametrize("where", ALLOWED)
def test_what_a_person_asks_of_a_row_is_allowed_and_runs(shared: Store, where: str) -> None:
    assert len(shared.view_ids(where)) <= 6


@pytest.mark.parametrize(("where", "said"), REFUSED)
def test_anything_that_looks_beyond_the_row_is_refused_with_the_reason(where: str, said: str) -> None:
    with pytest.raises(AskedWrongly, match=said.replace("(", r"\(").replace(")", r"\)").replace("*", r"\*")):
        checked(where)


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("NOT (", ")"), ("-", ""), ("lower(", ")")])
def test_a_deeply_nested_filter_runs_or_is_refused_but_never_crashes(shared: Store, opening: str, closing: str) -> None:
    count = 9_000 // len(opening + closing)
    with contextlib.suppress(AskedWrongly):
        shared.view_ids(opening * count + "true" + closing * count)
    assert len(shared.view_ids("true")) == 6


def test_nothing_and_a_closing_semicolon() -> None:
    assert (checked(""), checked("  "), checked(" label = 'a' ; ")) == ("", "", "label = 'a'")


def test_a_typing_slip_gets_the_column_meant_and_all_columns() -> None:
    with pytest.raises(AskedWrongly) as caught:
        checked("promt = 'x'")
    assert "Did you mean prompt?" in caught.value.hint and all(name in caught.value.hint for name in COLUMNS)


def test_a_text_in_double_quotes_is_told_apart_from_a_column() -> None:
    with pytest.raises(AskedWrongly) as caught:
        checked('label = "accept"')
    assert "single quotes: 'accept'" in caught.value.hint


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("prompt > 3", "compare|convert"),
        ("task", "convert|boolean|BOOL"),
        ("length(revision, 1, 2) = 3", "length"),
        ("regexp_matches(prompt, '(')", "missing|regex|\\("),
        ("prompt::INTEGER = 1", "convert"),
    ],
)
def test_types_that_do_not_fit_are_said_in_the_asker_s_words(shared: Store, where: str, said: str) -> None:
    with pytest.raises(AskedWrongly, match=said) as caught:
        shared.view_ids(where)
    assert "cannot be used" in caught.value.message and "Columns:" in caught.value.hint


def test_a_filter_cannot_bring_back_what_was_removed(filled: Store) -> None:
    filled.remove([2])
    assert filled.view_ids("true OR true").tolist() == [1, 3, 4, 5, 6]


def test_every_function_offered_exists() -> None:
    import duckdb

    known = {name for (name,) in duckdb.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()}
    syntax = {"ifnull"}  # turned into coalesce by the parser
    assert set(FUNCTIONS) - syntax <= known
