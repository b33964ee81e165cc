"""Filters: what a person may ask of the rows, and that nothing else gets through."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.dataset.candidates import Candidate
from studio.dataset.connection import Connection
from studio.dataset.filters import COLUMNS, FUNCTIONS, asking, checked
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
    "total_tokens IS NULL OR note IS NOT DISTINCT FROM ''",
    "lower(prompt)[1:3] = 'whe' OR prompt[1] = 'W'",
    "CAST(example_id AS VARCHAR) = '1' OR example_id::INTEGER = 2 OR TRY_CAST(prompt AS DOUBLE) > 1",
    "coalesce(nullif(task, ''), 'none') = 'tone'",
    "json_valid(completion) AND TRY(completion->>'intent') = 'track'",
    "task = 'a' -- a comment",
    "task = 'a' /* ) */ ;",
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
    ("replace(replace(prompt, 'a', 'aaaaaaaaa'), 'a', 'aaaaaaaaa') = ''", "more than 8 times"),
    ("replace(prompt, 'a', completion) = ''", "new text in quotes"),
    (" || ".join(["prompt"] * 9) + " = ''", "more than 8 times"),
    ("json_extract(completion, [" + ", ".join(["'$'"] * 9) + "]) = []", "more than 8 times"),
    ("(completion->>'$..*') = '1'", "without * and"),
    ("(completion->>task) = '1'", "a path in quotes"),
    ("(completion->'$.intent') = '1'", "a lambda, as which -> is read; json_extract"),
    ("regexp_extract(prompt, '(((.*)))', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']).a = ''", "struct extract"),
    (" AND ".join(["lower(prompt) = 'a'"] * 65), "too many texts"),
    (f"replace('{'a' * 100}', 'a', '{'b' * 300}') = ''", "more than 8 times"),
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


CASES = [
    ("CASE WHEN ", " THEN true ELSE false END"),
    ("CASE WHEN true THEN ", " ELSE false END"),
    ("CASE WHEN true THEN true ELSE ", " END"),
    ("1 IN (", ")"),
    ("coalesce(", ", true)"),
]


@pytest.mark.parametrize(("opening", "closing"), CASES)
def test_case_nested_200_deep_is_refused_in_words(shared: Store, opening: str, closing: str) -> None:
    with pytest.raises(AskedWrongly, match=r"nested more than 50 deep|cannot be read|characters"):
        shared.view_ids(opening * 199 + "true" + closing * 199)
    assert len(shared.view_ids(opening * 20 + "true" + closing * 20)) <= 6


def test_many_conditions_side_by_side_are_not_nesting(shared: Store) -> None:
    assert shared.view_ids(" OR ".join(f"example_id = {number}" for number in range(1, 400))).tolist() == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]


def test_a_filter_that_takes_gigabytes_of_long_rows_is_refused_and_a_plain_one_is_not(tmp_path: Path) -> None:
    """60 texts of 3,000 rows of 100,000 characters took 12.7 GB."""
    many = " OR ".join(
        f"ends_with(replace(lower(prompt), 'a', '{letter}'), 'q')" for letter in "bcdefghijklBCDEFGHIJKL"
    )
    with Store.open(tmp_path / "studio.duckdb", "anna") as store:
        store.add([Candidate(f"{number} " + "word " * 20_000, "yes") for number in range(600)], "long.jsonl")
        with pytest.raises(AskedWrongly, match=r"could take 2\.5 GB: it makes 44 texts of every row"):
            store.view_ids(many)
        assert len(store.view_ids("contains(lower(prompt), 'word') AND contains(lower(completion), 'yes')")) == 600


def test_a_filter_that_only_takes_away_may_be_nested(shared: Store) -> None:
    where = "replace(replace(replace(lower(prompt), ' ', ''), '?', ''), 'e', 'é') <> ''"
    assert len(shared.view_ids(where)) == 6


def test_a_filter_that_takes_too_long_is_stopped_and_the_store_goes_on(store_path: Path) -> None:
    connection = Connection(store_path)
    endless = "SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range + b.range < 0"
    with (
        pytest.raises(AskedWrongly, match=r"more than 0\.2 seconds"),
        connection.reading("anna") as cursor,
        asking(cursor, checked("true"), seconds=0.2),
    ):
        cursor.execute(endless).fetchall()
    with connection.reading("anna") as cursor:
        assert cursor.execute("SELECT count(*) FROM examples").fetchall() == [(0,)]
    connection.close()


@pytest.mark.parametrize(
    ("where", "said", "instead"),
    [
        ("label is null", "label is never null", "label = 'none'"),
        ("label IS NOT NULL", "label is never null", "label = 'none'"),
        ("label = 'Accept'", "no label 'Accept'", "accept, reject, skip, none"),
        ("'unlabelled' <> label", "no label 'unlabelled'", "label = 'none'"),
        ("label IN ('accept', 'Reject')", "no label 'Reject'", "small letters"),
        ("split = 'dev'", "no split 'dev'", "train, validation, test, none"),
        ("split is null", "split is never null", "split = 'none'"),
        ("task is null", "task is never null", "task = ''"),
        ("prompt is null", "prompt is never null", "Every row has one"),
        ("label = null", "Nothing is ever equal to null", "label = 'none'"),
        ("total_tokens = null", "Nothing is ever equal to null", "total_tokens is null"),
    ],
)
def test_label_is_null_says_what_to_write(where: str, said: str, instead: str) -> None:
    """It found nothing, in silence: a label is never null, and labels are written in small letters."""
    with pytest.raises(AskedWrongly, match=said) as caught:
        checked(where)
    assert instead in caught.value.hint


def test_every_column_and_function_has_a_sentence_and_every_example_in_one_runs(shared: Store) -> None:
    for name, about in COLUMNS.items():
        assert about, name
        shared.view_ids(f"{name} IS NOT DISTINCT FROM {name}")
    for name, about in FUNCTIONS.items():
        example, _, said = about.partition(": ")
        assert example.startswith(f"{name}(") and said, about
        shared.view_ids(f"try({example.replace('(n)', '(example_id)')}) IS NOT NULL")


def test_nothing_and_a_closing_semicolon() -> None:
    assert [checked(one).text for one in ("", "  ", " task = 'a' ; ")] == ["", "", "task = 'a'"]


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


def test_ten_thousand_brackets_are_refused_at_once(shared: Store) -> None:
    """DuckDB's parser took 75 seconds over them."""
    with pytest.raises(AskedWrongly, match="brackets more than 300 deep"):
        shared.view_ids("(" * 9_999)
    assert len(shared.view_ids("((((((length(prompt) > 0))))))")) == 6
