"""What a filter is written with: columns and functions, each with a sentence, and what the parser makes of them.

Everything that is not here is refused by ``filters.checked``.
"""

from __future__ import annotations

from typing import Any

from studio.dataset.labels import LABELS, SPLITS

# Name → what it holds, in the order in which they are shown.
COLUMNS: dict[str, str] = {
    "example_id": "the row's number, as the table shows it",
    "prompt": "what is asked",
    "completion": "the answer that is learned",
    "system": "the system message; '' for none",
    "context": "the turns before the prompt, as JSON messages; '' for none: context <> '' are conversations",
    "rejected": "the answer that was not chosen, of a preference pair; '' for none",
    "template": "the instruction template that made it; '' for none",
    "task": "the task; '' for none",
    "label": f"one of {', '.join(LABELS)}; 'none' is not labelled yet",
    "labelled_by": "who gave the label; null without a label and for one that came with its file",
    "labelled_at": "when, in UTC, the same for all rows of one act: labelled_at > '2026-01-31'; null as labelled_by is",
    "split": f"one of {', '.join(SPLITS)}; 'none' is in no split",
    "source": "the file that the row came from",
    "source_line": "its line in that file",
    "revision": "1 as imported; one more with every edit of its text",
    "is_marked": "true for a marked row: where is_marked, not is_marked",
    "note": "your note; '' for none",
    "prompt_tokens": "tokens of the prompt; null until they are counted (studio window)",
    "completion_tokens": "tokens of the answer, end-of-turn included; null until they are counted",
    "total_tokens": "both together: what max_length limits; null until they are counted",
    "loss": "how hard the row was to the run that was looked at last (studio losses RUN --keep, ! on Runs); else null",
    "base_loss": "the same under the untuned model, where that was measured; else null",
}
# Name → how it is called and what it gives.
FUNCTIONS: dict[str, str] = {
    "length": "length(prompt): characters",
    "lower": "lower(prompt): in small letters",
    "upper": "upper(prompt): in capitals",
    "trim": "trim(prompt): without space at both ends",
    "ltrim": "ltrim(prompt): without space at the start",
    "rtrim": "rtrim(prompt): without space at the end",
    "left": "left(prompt, 10): the first 10 characters",
    "right": "right(prompt, 10): the last 10 characters",
    "substring": "substring(prompt, 3, 10): 10 characters from the third on",
    "reverse": "reverse(prompt): backwards",
    "replace": "replace(prompt, 'a', 'b'): every a as b",
    "contains": "contains(prompt, 'lamp'): whether it occurs, in just these letters",
    "starts_with": "starts_with(prompt, 'Where'): whether it begins so",
    "ends_with": "ends_with(prompt, '?'): whether it ends so",
    "position": "position('lamp' in prompt): where it begins; 0 for nowhere",
    "regexp_matches": "regexp_matches(prompt, '[0-9]+', 'i'): whether the pattern occurs; i for either case",
    "regexp_full_match": "regexp_full_match(task, 't.*'): whether the whole text is the pattern",
    "regexp_extract": "regexp_extract(prompt, '#([0-9]+)', 1): the first match, or a group of it",
    "strip_accents": "strip_accents(prompt): é as e",
    "nfc_normalize": "nfc_normalize(prompt): letters and their accents as one character",
    "concat": "concat(prompt, completion): one after the other",
    "json_valid": "json_valid(completion): whether it is JSON",
    "json_extract": "json_extract(completion, '$.intent'): a part of JSON, as JSON; try(…) passes over what is no JSON",
    "json_extract_string": "json_extract_string(completion, '$.intent'): a part of JSON, as text",
    "abs": "abs(n): without its sign",
    "round": "round(n): to a whole number",
    "floor": "floor(n): down to a whole number",
    "ceil": "ceil(n): up to a whole number",
    "mod": "mod(example_id, 10): what division leaves",
    "greatest": "greatest(prompt_tokens, completion_tokens): the largest",
    "least": "least(prompt_tokens, completion_tokens): the smallest",
    "nullif": "nullif(task, 'x'): null where both are equal",
    "ifnull": "ifnull(total_tokens, 0): the second where the first is null",
    "list_contains": "list_contains(['a', 'b'], task): whether it is one of them",
}
# What the parser turns operators and literals into, and other names of the functions.
OPERATORS = {
    *("+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "~~~", "->", "->>", "^@", "list_value"),
    *("like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape", "len", "strlen", "substr", "strpos"),
    *("instr", "prefix", "suffix", "char_length", "character_length", "lcase", "ucase", "array_slice", "ceiling"),
}
TYPES = {"INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "VARCHAR", "TEXT", "BOOLEAN", "INT", "STRING"}
NODES = {
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
REFUSED = {
    "SUBQUERY": "a query within the filter",
    "WINDOW": "a window function",
    "PARAMETER": "a parameter (? or $1)",
    "STAR": "a star",
    "LAMBDA": "a lambda, as which -> is read; json_extract(completion, '$.name') takes a part of JSON",
    "COLLATE": "a collation; use lower(…)",
}

Node = dict[str, Any]


def children(node: Node) -> list[Node]:
    """The expressions right below ``node``, wherever DuckDB's version keeps them: children, arguments, case_checks."""
    found: list[Node] = []
    waiting: list[Any] = list(reversed(node.values()))
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "class" in part:
                found.append(part)
            else:
                waiting.extend(reversed(part.values()))
        elif isinstance(part, list):
            waiting.extend(reversed(part))
    return found


def column_of(node: Node) -> str:
    """The column that ``node`` is, in small letters; empty for any other expression."""
    return ".".join(node["column_names"]).lower() if node["class"] == "COLUMN_REF" else ""


def function_of(node: Node) -> str:
    """The function that ``node`` calls, in small letters; empty for any other expression."""
    return str(node["function_name"]).lower() if node["class"] == "FUNCTION" else ""


def is_null(node: Node) -> bool:
    """Whether ``node`` is the word null."""
    if node["class"] != "CONSTANT":
        return False
    return node["literal"]["kind"] == "NULL_LITERAL" if "literal" in node else bool(node["value"]["is_null"])


def text_of(node: Node) -> str | None:
    """The text in quotes, or the number as written, that ``node`` is; None for any other expression and for null."""
    if node["class"] != "CONSTANT" or is_null(node):
        return None
    if "literal" in node:  # from DuckDB 2.0 on
        return str(node["literal"]["text"])
    value = node["value"].get("value")
    return None if isinstance(value, dict | list) else str(value)
