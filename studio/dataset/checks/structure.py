"""Completions that should have a form: JSON with the same keys, numbers and dates written one way."""

from __future__ import annotations

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, RowCheck, Severity
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import either_has, finding_of, has

_LEAST_ROWS = 20
_STRUCTURED = 0.8
_KEY_SHARE = 0.95
_JSON, _OBJECT = r"^\s*[{[]", r"^\s*\{"
_PARTED = r"\d[,./-]\d{2}"
_CHAT = r"^\s*\[\s*\{\s*[\x22'](role|from)[\x22']\s*:"

UNREAD_CHAT = RowCheck(
    name="unread_chat",
    about='Prompts or completions that are a chat as JSON: [{"role": …}]. The file was read by the wrong columns.',
    harms="The model learns to write the file's format instead of an answer.",
    severity=Severity.ERROR,
    version=1,
    where=either_has(_CHAT),
    said="[has|have] a chat as JSON in place of a text: import the file with --map messages=COLUMN.",
    bad=(
        Candidate('[{"role": "user", "content": "Where is it?"}]', "Here."),
        Candidate("Where is it?", "[{'from': 'gpt', 'value': 'Here.'}]"),
    ),
    good=(
        Candidate("Where is it?", '[{"product": "lamp"}]'),
        Candidate('Explain {"role": "user"} in an API', "It is who speaks."),
    ),
)


def _find_broken(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS (
                SELECT example_id, task, completion, {has("completion", _JSON)} AS looks,
                    json_valid(completion) AS parses FROM {rows.table}),
            structured AS (
                SELECT task FROM judged GROUP BY task
                HAVING count(*) >= {_LEAST_ROWS} AND avg((looks AND parses)::INTEGER) >= {_STRUCTURED}),
            keyed AS (
                SELECT example_id, task, json_keys(completion) AS keys FROM judged
                WHERE parses AND task IN (SELECT task FROM structured) AND {has("completion", _OBJECT)}),
            sizes AS (SELECT task, count(*) AS total FROM keyed GROUP BY task),
            usual AS (
                SELECT task, key FROM (SELECT task, unnest(keys) AS key FROM keyed) JOIN sizes USING (task)
                GROUP BY task, key, total HAVING count(*) >= {_KEY_SHARE} * total),
            needed AS (SELECT task, list(key) AS keys FROM usual GROUP BY task)
            SELECT example_id FROM judged WHERE task IN (SELECT task FROM structured) AND NOT (looks AND parses)
            UNION
            SELECT example_id FROM keyed JOIN needed USING (task) WHERE NOT list_has_all(keyed.keys, needed.keys)"""
    )
    said = "[does|do] not parse as JSON, or [lacks|lack] a key that nearly all others of the task have."
    return finding_of(BROKEN_STRUCTURE.name, ids, said)


BROKEN_STRUCTURE = DatasetCheck(
    name="broken_structure",
    about="Completions that are no JSON, or lack a key, in a task where nearly all are JSON with it.",
    harms="The model learns answers that no program can read.",
    severity=Severity.WARNING,
    version=1,
    find=_find_broken,
    beside=(*(Candidate(f"Ticket {n}", f'{{"order": {n}, "intent": "repair"}}', task="tickets") for n in range(40)),),
    bad=(
        Candidate("Ticket a", '{"order": 7, "intent": "repair"', task="tickets"),
        Candidate("Ticket b", '{"order": 7}', task="tickets"),
        Candidate("Ticket c", "repair", task="tickets"),
    ),
    good=(
        *(Candidate(f"Ticket {n}", f'{{"order": {n}, "intent": "repair"}}', task="tickets") for n in range(40)),
        Candidate("Ticket a", '{"order": 7, "intent": "repair", "late": true}', task="tickets"),
        Candidate("Where is it?", "Here.", task="chat"),
    ),
)

# Ways to write a number with groups of thousands, and a date.
_WAYS = {
    "commas": r"\b\d{1,3}(,\d{3})+\b",
    "dots": r"\b\d{1,3}(\.\d{3}){2,}\b|\b\d{1,3}(\.\d{3})+,\d",
    "years_first": r"\b\d{4}-\d{2}-\d{2}\b",
    "slashes": r"\b\d{1,2}/\d{1,2}/\d{4}\b",
    "dotted": r"\b\d{1,2}\.\d{1,2}\.\d{4}\b",
}
# Those that mean the same.
_RIVALS = (("commas", "dots"), ("years_first", "slashes"), ("years_first", "dotted"), ("slashes", "dotted"))
_LEAST_WRITTEN = 10


def _find_formats(rows: Rows) -> Finding | None:
    ways = ", ".join(f"{has('completion', pattern)} AS {name}" for name, pattern in _WAYS.items())
    sums = ", ".join(f"sum({name}::INTEGER) AS all_{name}" for name in _WAYS)
    rare = " OR ".join(
        f"(all_{a} + all_{b} >= {_LEAST_WRITTEN} AND all_{a} > 0 AND all_{b} > 0"
        f" AND ((all_{a} <= all_{b} AND {a}) OR (all_{b} < all_{a} AND {b})))"
        for a, b in _RIVALS
    )
    ids = rows.ids_of(
        f"""WITH written AS MATERIALIZED (
                SELECT example_id, task, {ways} FROM {rows.table} WHERE {has("completion", _PARTED)}),
            totals AS (SELECT task, {sums} FROM written GROUP BY task)
            SELECT example_id FROM written JOIN totals USING (task) WHERE {rare}"""
    )
    return finding_of(FORMAT_DRIFT.name, ids, "[writes|write] numbers or dates otherwise than most of the task.")


FORMAT_DRIFT = DatasetCheck(
    name="format_drift",
    about="Numbers (1,000 or 1.000) and dates (2026-01-31, 31/1/2026, 31.1.2026) in more than one way in a task.",
    harms="The model mixes them, and a right answer counts as wrong.",
    severity=Severity.WARNING,
    version=1,
    find=_find_formats,
    beside=(
        *(Candidate(f"When {n}?", f"On 2026-01-{n + 10}.") for n in range(20)),
        *(Candidate(f"How many {n}?", f"Some 1,2{n:02} of them.") for n in range(20)),
    ),
    bad=(
        Candidate("When then?", "On 31/1/2026."),
        Candidate("How many more?", "Some 1.234.567 of them."),
    ),
    good=(
        *(Candidate(f"When {n}?", f"On 2026-01-{n + 10}.") for n in range(20)),
        Candidate("Which version?", "Version 1.234 of 3/4."),
    ),
)
