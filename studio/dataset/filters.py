"""Filters: a WHERE condition that a person types. Parsed by DuckDB, then held against lists of what is allowed.

Everything not listed is refused: subqueries, table functions, file and environment access, settings, aggregates. What
passes can only look at one row of the store. The query itself also runs read-only, with file access switched off.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.dataset.filter_bounds import (
    MOST_SECONDS,
    TookTooLong,
    check_brackets,
    check_depth,
    check_memory,
    stopped_after,
    texts_made,
)
from studio.dataset.filter_language import (
    COLUMNS,
    FUNCTIONS,
    NODES,
    OPERATORS,
    REFUSED,
    TYPES,
    Node,
    children,
    column_of,
    is_null,
    text_of,
)
from studio.dataset.labels import LABELS, SPLITS
from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["COLUMNS", "FUNCTIONS", "NULLS", "Filter", "asking", "checked"]

_CLOSED = {"label": LABELS, "split": SPLITS}
# Column → which rows have no value in it.
NULLS = {
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), "not counted yet"),
    **dict.fromkeys(("labelled_by", "labelled_at"), "labelled by nobody here"),
    **dict.fromkeys(("loss", "base_loss"), "not measured by a run"),
}
_MAX_CHARS = 10_000
_EXAMPLE = "Example: task = 'tickets' AND length(prompt) > 200"


@dataclass(frozen=True)
class Filter:
    """A condition that is known to be harmless (``text``; empty holds for every row), and how many texts it makes."""

    text: str = ""
    texts_made: float = 0.0


def checked(where: str) -> Filter:
    """``where`` without surrounding space and a closing semicolon, once it is known to be harmless.

    Whether its types fit is only known when it runs; see ``asking``. Raises AskedWrongly with what is wrong in it.
    """
    text = where.strip().removesuffix(";").rstrip()
    if not text:
        return Filter()
    if len(text) > _MAX_CHARS:
        raise AskedWrongly(f"The filter has {len(text):,} characters; at most {_MAX_CHARS:,} are read.")
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise AskedWrongly("The filter has a character that is no text.", _EXAMPLE)
    check_brackets(text)
    # Parsed as it stands, so that nothing can close a bracket of ours, then in brackets as it will run.
    bare = _condition(f"SELECT 1 FROM examples WHERE\n{text}\n")
    wrapped = _condition(f"SELECT 1 FROM examples WHERE (\n{text}\n)")
    if bare != wrapped:
        raise AskedWrongly("The filter must be one condition.", _EXAMPLE)
    for node, _ in _nodes(bare):
        _check(node)
    return Filter(text, texts_made(bare))


@contextmanager
def asking(cursor: DuckDBPyConnection, asked: Filter, seconds: float = MOST_SECONDS) -> Iterator[None]:
    """Turn what DuckDB says while a filter runs (types that do not fit, text that is no number) into AskedWrongly.

    A filter that takes longer than ``seconds`` is stopped and refused so too; the store stays as it is.
    """
    import duckdb

    if not asked.text:
        yield
        return
    try:
        with stopped_after(cursor, seconds):
            check_memory(cursor, asked.texts_made)
            yield
    except TookTooLong as error:
        raise AskedWrongly(
            f"The filter took more than {seconds:g} seconds and was stopped.",
            "Begin with what leaves few rows over: task = '…' AND …",
        ) from error
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        said = str(error).splitlines()[0].split("Error: ", 1)[-1].rstrip(".")
        raise AskedWrongly(f"The filter cannot be used: {said}.", _columns_hint()) from error


def _condition(statement: str) -> Node:
    """The syntax tree of the WHERE clause, without positions. Raises AskedWrongly for anything but one plain SELECT.

    It is nested ``MOST_NESTED`` deep at most, so that what looks at it may do so by recursion.
    """
    import duckdb

    cursor = _parser().cursor()
    try:
        (answer,) = cursor.execute("SELECT json_serialize_sql($1)", [statement]).fetchone() or ("{}",)
        tree = json.loads(answer)
    except duckdb.Error as error:
        raise AskedWrongly(f"The filter cannot be read: {str(error).splitlines()[0]}.", _EXAMPLE) from error
    except RecursionError as error:
        raise AskedWrongly("The filter is nested too deeply.", _EXAMPLE) from error
    finally:
        cursor.close()
    if tree.get("error", True):
        said = str(tree.get("error_message", "not SQL")).rstrip(".")
        raise AskedWrongly(f"The filter cannot be read: {said}.", f"{_EXAMPLE}. {_columns_hint()}")
    statements = tree["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    extras = ("modifiers", "group_expressions", "group_sets", "having", "sample", "qualify")
    if node.get("type") != "SELECT_NODE" or node["cte_map"]["map"] or any(node[extra] for extra in extras):
        raise AskedWrongly(
            "The filter must be one condition: no second statement, ORDER BY, LIMIT, GROUP BY or UNION.", _EXAMPLE
        )
    condition: Node = node["where_clause"]
    check_depth(max(depth for _, depth in _nodes(condition)))
    _drop_positions(condition)
    return condition


@functools.cache
def _parser() -> DuckDBPyConnection:
    import duckdb

    return duckdb.connect(
        ":memory:",
        config={
            "threads": "1",
            "enable_external_access": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
        },
    )


def _drop_positions(tree: Any) -> None:
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            for name in [name for name in part if name.startswith("query_location")]:
                del part[name]
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _nodes(tree: Node) -> Iterator[tuple[Node, int]]:
    """Every expression of a condition, and in how many others it stands, itself counted."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in children(node))


def _check(node: dict[str, Any]) -> None:
    kind, type_ = str(node["class"]), str(node.get("type"))
    if type_ not in NODES.get(kind, ()):
        what = REFUSED.get(kind, f"{type_.lower().replace('_', ' ')}")
        raise AskedWrongly(f"A filter cannot have {what}.", f"It looks at one row at a time. {_EXAMPLE}")
    _check_words(node, type_)
    if kind == "COLUMN_REF":
        _check_column(node["column_names"])
    elif kind == "FUNCTION":
        _check_function(node)
    elif kind == "CAST" and "cast_type" in node:  # DuckDB 1.5; from 2.0 on the type is a node of its own
        _check_type(str(node["cast_type"]["id"]))
    elif kind == "TYPE":
        _check_type(str(node["type_name"]))


def _check_column(names: list[str]) -> None:
    name = ".".join(names)
    if name.lower() in COLUMNS:
        return
    close = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
    guess = f"Did you mean {close[0]}? " if close else f"A text stands in single quotes: '{name}'. "
    raise AskedWrongly(f"The filter names {name}, which is no column.", guess + _columns_hint())


def _check_words(node: Node, type_: str) -> None:
    """Refuse what can be true of no row, with what is meant: a null where there is none, a label that is none."""
    below = children(node)
    columns = [name for name in map(column_of, below) if name in COLUMNS]
    if not columns:
        return
    name = columns[0]
    if type_ in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL") and name not in NULLS:
        raise AskedWrongly(f"{name} is never null.", _instead_of_null(name))
    is_comparison = type_ in ("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_IN", "COMPARE_NOT_IN")
    if is_comparison and any(map(is_null, below)):
        raise AskedWrongly(f"Nothing is ever equal to null, so {name} is not either.", _instead_of_null(name))
    for text in map(text_of, below if is_comparison and name in _CLOSED else []):
        if text is not None and text not in _CLOSED[name]:
            raise AskedWrongly(f"There is no {name} {text!r}.", _closed_hint(name))


def _instead_of_null(name: str) -> str:
    if name in NULLS:
        return f"Rows that are {NULLS[name]}: {name} is null"
    if name in _CLOSED:
        return _closed_hint(name)
    return f"Empty ones: {name} = ''" if name in ("system", "task", "note") else "Every row has one."


def _closed_hint(name: str) -> str:
    without = {"label": "not labelled yet", "split": "in no split"}[name]
    return f"One of {', '.join(_CLOSED[name])}, in small letters; {without}: {name} = 'none'"


def _check_function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    is_plain = node["schema"] in ("", "main") and node["catalog"] in ("", "system") and not node["filter"]
    if not is_plain or (name not in FUNCTIONS and name not in OPERATORS):
        raise AskedWrongly(f"A filter cannot use {name}().", f"Functions: {', '.join(FUNCTIONS)}.")


def _check_type(name: str) -> None:
    if name.upper() not in TYPES:
        raise AskedWrongly(f"A filter cannot cast to {name}.", "Types: INTEGER, BIGINT, DOUBLE, VARCHAR, BOOLEAN.")


def _columns_hint() -> str:
    return f"Columns: {', '.join(COLUMNS)}."
