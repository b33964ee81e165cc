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
from typing import TYPE_CHECKING, Any

from studio.errors import AskedWrongly

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COLUMNS = (
    "example_id",
    "prompt",
    "completion",
    "system",
    "task",
    "label",
    "split",
    "source",
    "source_line",
    "revision",
    "is_marked",
    "note",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
)
FUNCTIONS = (
    *("length", "lower", "upper", "trim", "ltrim", "rtrim", "left", "right", "substring", "reverse", "replace"),
    *("contains", "starts_with", "ends_with", "position", "regexp_matches", "regexp_full_match", "regexp_extract"),
    *("strip_accents", "nfc_normalize", "concat", "json_valid", "json_extract", "json_extract_string"),
    *("abs", "round", "floor", "ceil", "mod", "greatest", "least", "nullif", "ifnull", "list_contains"),
)
# What the parser turns operators and literals into.
_OPERATORS = {
    *("+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "~~~", "->", "->>", "^@", "list_value"),
    *("like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape", "len", "strlen", "substr", "strpos"),
    *("instr", "prefix", "suffix", "char_length", "character_length", "lcase", "ucase", "array_slice", "ceiling"),
}
_TYPES = {"INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "VARCHAR", "TEXT", "BOOLEAN", "INT", "STRING"}
_NODES = {
    "COLUMN_REF": {"COLUMN_REF"},
    "CONSTANT": {"VALUE_CONSTANT"},
    "COMPARISON": {
        *("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN"),
        *("COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO"),
        *("COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"),
    },
    "CONJUNCTION": {"CONJUNCTION_AND", "CONJUNCTION_OR"},
    "OPERATOR": {
        *("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_TRY"),
        *("COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT", "ARRAY_SLICE"),
    },
    "BETWEEN": {"COMPARE_BETWEEN"},
    "CASE": {"CASE_EXPR"},
    "CAST": {"OPERATOR_CAST"},
    "TYPE": {"TYPE"},
    "FUNCTION": {"FUNCTION"},
}
_REFUSED = {
    "SUBQUERY": "a query within the filter",
    "WINDOW": "a window function",
    "PARAMETER": "a parameter (? or $1)",
    "STAR": "a star",
    "LAMBDA": "a lambda",
    "COLLATE": "a collation; use lower(…)",
}
_MAX_CHARS = 10_000
_EXAMPLE = "Example: task = 'tickets' AND length(prompt) > 200"


def checked(where: str) -> str:
    """``where`` without surrounding space and a closing semicolon, once it is known to be harmless.

    Whether its types fit is only known when it runs; see ``asking``. Raises AskedWrongly with what is wrong in it.
    """
    text = where.strip().removesuffix(";").rstrip()
    if not text:
        return ""
    if len(text) > _MAX_CHARS:
        raise AskedWrongly(f"The filter has {len(text):,} characters; at most {_MAX_CHARS:,} are read.")
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise AskedWrongly("The filter has a character that is no text.", _EXAMPLE)
    # Parsed as it stands, so that nothing can close a bracket of ours, then in brackets as it will run.
    bare = _condition(f"SELECT 1 FROM examples WHERE\n{text}\n")
    wrapped = _condition(f"SELECT 1 FROM examples WHERE (\n{text}\n)")
    if bare != wrapped:
        raise AskedWrongly("The filter must be one condition.", _EXAMPLE)
    for node in _nodes(bare):
        _check(node)
    return text


@contextmanager
def asking(where: str) -> Iterator[None]:
    """Turn what DuckDB says while a filter runs (types that do not fit, text that is no number) into AskedWrongly."""
    import duckdb

    if not where:
        yield
        return
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        said = str(error).splitlines()[0].split("Error: ", 1)[-1].rstrip(".")
        raise AskedWrongly(f"The filter cannot be used: {said}.", _columns_hint()) from error


def _condition(statement: str) -> Any:
    """The syntax tree of the WHERE clause, without positions. Raises AskedWrongly for anything but one plain SELECT."""
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
    return _without_positions(node["where_clause"])


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


def _without_positions(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            name: _without_positions(value) for name, value in tree.items() if not name.startswith("query_location")
        }
    return [_without_positions(value) for value in tree] if isinstance(tree, list) else tree


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    # Every object with a class is an expression, wherever DuckDB's version keeps it: children, arguments, case_checks.
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class" in part:
                yield part
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _check(node: dict[str, Any]) -> None:
    kind, type_ = str(node["class"]), str(node.get("type"))
    if type_ not in _NODES.get(kind, ()):
        what = _REFUSED.get(kind, f"{type_.lower().replace('_', ' ')}")
        raise AskedWrongly(f"A filter cannot have {what}.", f"It looks at one row at a time. {_EXAMPLE}")
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


def _check_function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    is_plain = node["schema"] in ("", "main") and node["catalog"] in ("", "system") and not node["filter"]
    if not is_plain or (name not in FUNCTIONS and name not in _OPERATORS):
        raise AskedWrongly(f"A filter cannot use {name}().", f"Functions: {', '.join(FUNCTIONS)}.")


def _check_type(name: str) -> None:
    if name.upper() not in _TYPES:
        raise AskedWrongly(f"A filter cannot cast to {name}.", "Types: INTEGER, BIGINT, DOUBLE, VARCHAR, BOOLEAN.")


def _columns_hint() -> str:
    return f"Columns: {', '.join(COLUMNS)}."
