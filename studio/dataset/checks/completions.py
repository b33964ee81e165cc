"""Completions that end too early, end in many ways, or hold nothing."""

from __future__ import annotations

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, Rewriting, RowCheck, Severity, Spot, Texts
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.checks.texts import finding_of, has, quoted

# Neither white space nor what cannot be seen: zero width, joiners, direction marks, the byte order mark.
_VISIBLE = r"[^\s\x{00A0}\x{200B}-\x{200F}\x{2060}\x{FEFF}\x{3000}]"
_TERMINATED = r"[.!?…。！？।؟”’»\x22'`)\]}>*_:;~|]$"
_WORD_END = r"[\p{L}\p{N}]$"
_CUT_END = r"[,(\[{¿¡„“«–—&+=/\\-]$"
# Prose: long enough to be made of sentences.
_PROSE_CHARS = 40
_STRIPPED = r"rtrim(right(completion, 12), E' \n\t')"
_SPACES = ("' '", r"E'\n'", r"E'\t'", r"E'\r'")
_LEAST_ROWS, _NORMAL_SHARE = 50, 0.95
_SPIKE_ROWS = 8

EMPTY_COMPLETION = RowCheck(
    name="empty_completion",
    about="Completions without a visible character.",
    harms="The model learns to end its turn at once.",
    severity=Severity.ERROR,
    version=1,
    where=f"NOT {has('completion', _VISIBLE)}",
    said="[has|have] a completion with nothing to see in it.",
    bad=(Candidate("Where is it?", " \n "), Candidate("And now?", "\u200b"), Candidate("Really?", "\u00a0\u2060")),
    good=(Candidate("Where is it?", "."), Candidate("Sum?", "0"), Candidate("Mood?", "😀")),
)


def _find_cut(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS (
                SELECT example_id, task, length(completion) >= {_PROSE_CHARS} AS is_prose,
                    right({_STRIPPED}, 1) AS last_char,
                    contains(completion, '```') AND len(string_split(completion, '```')) % 2 = 0 AS is_fence_open
                FROM {rows.table}),
            ended AS (
                SELECT task FROM judged WHERE is_prose GROUP BY task HAVING count(*) >= {_LEAST_ROWS}
                AND avg(regexp_matches(last_char, {quoted(_TERMINATED)})::INTEGER) >= {_NORMAL_SHARE})
            SELECT example_id FROM judged WHERE is_fence_open
            OR (is_prose AND regexp_matches(last_char, {quoted(_CUT_END)}))
            OR (is_prose AND regexp_matches(last_char, {quoted(_WORD_END)}) AND task IN (SELECT task FROM ended))"""
    )
    return finding_of(
        TRUNCATED_COMPLETION.name,
        ids,
        "[has|have] a completion that breaks off: a fence left open, or an end in the middle of a sentence.",
    )


TRUNCATED_COMPLETION = DatasetCheck(
    name="truncated_completion",
    about="Completions that break off: an open code fence, an end in the middle of a sentence.",
    harms="The model learns to stop before it has finished.",
    severity=Severity.WARNING,
    version=1,
    find=_find_cut,
    spots=(Spot("completion", r"\S{1,40}\s*$"),),
    beside=(*(Candidate(f"Who is {n}?", f"Number {n} is the one that everybody here likes.") for n in range(60)),),
    bad=(
        Candidate("Write it down", "```python\nprint(1)\n"),
        Candidate("Tell me a story about a lamp", "Once there was a lamp that stood in a window and,"),
        Candidate("Who is 61?", "Number 61 is the one that nobody here has met so f"),
    ),
    good=(
        Candidate("Write it down", "```python\nprint(1)\n```"),
        Candidate("Tone?", "angry"),
        *(Candidate(f"Sum {n}?", f"It takes a few steps to see it, and the result is {n}") for n in range(60)),
    ),
)


def _find_mixed_ends(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS (
                SELECT example_id, task, CASE
                    WHEN {has(_STRIPPED, _WORD_END)} THEN 'word' ELSE 'mark' END AS ending
                FROM {rows.table} WHERE length(completion) >= {_PROSE_CHARS}),
            shares AS (
                SELECT task, mode(ending) AS usual, avg((ending = 'word')::INTEGER) AS words FROM judged
                GROUP BY task HAVING count(*) >= {_LEAST_ROWS} AND words BETWEEN 0.05 AND 0.95)
            SELECT example_id FROM judged JOIN shares USING (task) WHERE ending <> usual"""
    )
    return finding_of(
        INCONSISTENT_ENDING.name, ids, "[ends|end] otherwise than most of the task: with a mark, or without one."
    )


INCONSISTENT_ENDING = DatasetCheck(
    name="inconsistent_ending",
    about="Tasks in which 5 to 95 % of the longer completions end with a mark and the others with a word.",
    harms="Where an answer ends is a guess: the model rambles on or stops too soon.",
    severity=Severity.WARNING,
    version=1,
    find=_find_mixed_ends,
    beside=(*(Candidate(f"Who is {n}?", f"Number {n} is the one that everybody here likes.") for n in range(60)),),
    bad=(*(Candidate(f"Who was {n}?", f"Number {n} was the one that everybody here liked") for n in range(40)),),
    good=(
        *(Candidate(f"Who is {n}?", f"Number {n} is the one that everybody here likes.") for n in range(60)),
        Candidate("Who was it?", "It was the one that nobody here has ever heard of"),
    ),
)


def _find_capped(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH counted AS (
                SELECT example_id, completion_tokens AS tokens FROM {rows.table} AS rows
                JOIN token_counts USING (example_id, revision)
                WHERE fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1)),
            spread AS (SELECT tokens, count(*) AS number FROM counted GROUP BY tokens),
            top AS (SELECT max(tokens) AS most FROM spread)
            SELECT example_id FROM counted, top WHERE tokens >= most - 1 AND most >= 32
            AND (SELECT sum(number) FROM spread WHERE tokens >= most - 1) >= {_SPIKE_ROWS}
            AND (SELECT sum(number) FROM spread WHERE tokens >= most - 1) >=
                4 * (SELECT coalesce(sum(number), 0) FROM spread WHERE tokens BETWEEN most - 9 AND most - 2)"""
    )
    return finding_of(
        CAPPED_COMPLETIONS.name, ids, "[has|have] exactly as many tokens as the longest completion: cut by a limit."
    )


CAPPED_COMPLETIONS = DatasetCheck(
    name="capped_completions",
    about="Many completions of one length in tokens, the longest there is: whatever wrote them was cut off there.",
    harms="The model learns to stop in the middle of what it says.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.TOKENS,),
    find=_find_capped,
    bad=tuple(Candidate(f"Tell me about lamp {n}", "word " * 63 + f"and{n}") for n in range(12)),
    good=tuple(Candidate(f"Tell me about lamp {n}", "word " * (20 + n) + f"and{n}") for n in range(40)),
)


def _trimmed(texts: Texts) -> Texts:
    return texts._replace(completion=texts.completion.strip())


EDGE_SPACE = RowCheck(
    name="edge_space",
    about="Completions with white space before or behind them.",
    harms="The first token of an answer is another one with a space before it; blank lines behind it are learned too.",
    severity=Severity.INFO,
    version=1,
    where=" OR ".join(f"{side}(completion, {space})" for side in ("starts_with", "ends_with") for space in _SPACES),
    said="[has|have] a completion with white space before or behind it.",
    fix=Rewriting("take the white space off", _trimmed),
    spots=(Spot("completion", r"^\s+|\s+$"),),
    bad=(Candidate("p", " yes"), Candidate("q", "no\n\n"), Candidate("r", "\tmaybe")),
    good=(Candidate("p", "yes"), Candidate("q", "two\nlines"), Candidate(" r ", "no")),
)
