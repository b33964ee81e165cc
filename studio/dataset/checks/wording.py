"""What the words of a row are: their script, how often they come again, whether the prompt gives them."""

from __future__ import annotations

import re
from collections import Counter

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, RowCheck, Severity
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import finding_of, has, label_tasks, quoted

_LEAST_ROWS = 20
_AGREE_SHARE = 0.9
_SCRIPTS = ("Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Thai", "Hangul", "Devanagari")
_HAN = r"[\p{Han}\p{Hiragana}\p{Katakana}]{2}"


def _scripts(column: str) -> str:
    """A list of the scripts of which a text has three letters in a row (two of Chinese and Japanese).

    A text of ASCII alone is not searched: its bytes are as many as its characters.
    """
    patterns = {script: rf"\p{{{script}}}{{3}}" for script in _SCRIPTS} | {"Han": _HAN}
    found = [f"CASE WHEN {has(column, pattern)} THEN '{script}' END" for script, pattern in patterns.items()]
    ascii_only = f"CASE WHEN {has(column, '[A-Za-z]{3}')} THEN ['Latin'] ELSE [] END"
    some = f"list_filter([{', '.join(found)}], lambda x: x IS NOT NULL)"
    return f"CASE WHEN strlen({column}) = length({column}) THEN {ascii_only} ELSE {some} END"


def _find_other_script(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS MATERIALIZED (
                SELECT example_id, task, {_scripts("prompt")} AS asked, {_scripts("completion")} AS said
                FROM {rows.table} WHERE task NOT IN ({label_tasks(rows)})),
            compared AS (
                SELECT example_id, task, list_has_any(asked, said) AS agrees FROM judged
                WHERE len(asked) > 0 AND len(said) > 0),
            agreeing AS (
                SELECT task FROM compared GROUP BY task
                HAVING count(*) >= {_LEAST_ROWS} AND avg(agrees::INTEGER) >= {_AGREE_SHARE})
            SELECT example_id FROM compared WHERE NOT agrees AND task IN (SELECT task FROM agreeing)"""
    )
    return finding_of(
        LANGUAGE_MISMATCH.name,
        ids,
        "[answers|answer] in another script than the prompt's, unlike the rest of the task.",
    )


LANGUAGE_MISMATCH = DatasetCheck(
    name="language_mismatch",
    about="Completions in another script than their prompt (Cyrillic, Chinese, Latin), where the task's others agree.",
    harms="The model changes languages in the middle of a conversation.",
    severity=Severity.WARNING,
    version=1,
    find=_find_other_script,
    beside=(*(Candidate(f"Where is parcel {n}?", f"It is in van {n}.") for n in range(40)),),
    bad=(
        Candidate("Where is the lamp?", "Лампа в пути."),
        Candidate("灯在哪里？", "It is on its way."),
    ),
    good=(
        *(Candidate(f"Where is parcel {n}?", f"It is in van {n}.") for n in range(40)),
        Candidate("灯在哪里？", "在路上。"),
        Candidate("What does 灯在 mean?", "A lamp is in."),
        *(Candidate(f"Translate: van {n}", f"Фургон {n}", task="translate") for n in range(40)),
    ),
)

_SAMPLED_ROWS = 2_000  # enough to know what a task is like
_PROBE_CHARS = 16
_LONG_WORD = r"[A-Za-z]{20}"  # what a loop of one letter looks like
_SAMPLED_CHARS = 4_000
_RUN = re.compile(r"([^\W\d_])\1{11,}|(\S{1,40}?)(?:[\s,.]+\2){7,}")


def _comes_again(place: float) -> str:
    """The condition that the piece of a completion at ``place`` (0 to 1) stands behind it again."""
    start = f"CAST({place} * length(completion) AS BIGINT)"
    piece = f"substring(completion, {start}, {_PROBE_CHARS})"
    return f"(length(completion) >= 60 AND contains(substring(completion, {start} + 1), {piece}))"


def repeats(text: str) -> bool:
    """Whether a text says the same again and again: a letter, a word eight times in a row, one line, one 4-gram."""
    text = text[:_SAMPLED_CHARS]
    if _RUN.search(text):
        return True
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) > 15]
    if len(lines) >= 4 and max(Counter(lines).values()) >= max(4, len(lines) / 2):
        return True
    words = text.lower().split()
    grams = Counter(zip(*(words[start:] for start in range(4)), strict=False))
    return len(words) >= 24 and bool(grams) and max(grams.values()) * 4 >= 0.5 * len(words)


REPETITION = RowCheck(
    name="repetition",
    about="Completions that say the same again and again: a letter, a word, a line, a phrase.",
    harms="The model learns to loop.",
    severity=Severity.WARNING,
    version=1,
    where=" OR ".join([*map(_comes_again, (0.3, 0.6)), has("completion", _LONG_WORD)]),
    said="[says|say] the same again and again.",
    confirm=lambda texts: repeats(texts.completion),
    bad=(
        Candidate("Tell me", "I do not know what to say. " * 20),
        Candidate("Laugh", "ha" + "a" * 30),
        Candidate("List", "The lamp is broken again.\n" * 12),
        Candidate("Go on", "and on " * 60),
    ),
    good=(
        Candidate("Tell me", "It is on its way, and it comes tomorrow."),
        Candidate("Draw a line", "-" * 40),
        Candidate("Count", " ".join(map(str, range(120)))),
        Candidate("Bits", "0000000000000000"),
    ),
)

_SIGNS = r"[!-/:-@\[-`{-~]{12}"
_NO_LETTERS = r"(strlen({0}) <> length({0}) AND NOT regexp_matches({0}, '\pL'))"
_NUMBER = r"\d[\d.,]*\d"  # a single digit may count what has no number
_NO_WORD = re.compile(r"[\W_]")


def says_little(text: str) -> bool:
    """Whether less than a fifth of a text of 30 characters and more is letters and digits."""
    dense = "".join(text[:_SAMPLED_CHARS].split())
    return len(dense) >= 30 and len(_NO_WORD.sub("", dense)) < len(dense) / 5


LOW_INFORMATION = RowCheck(
    name="low_information",
    about="Longer texts with hardly a letter or digit in them.",
    harms="Noise: the model learns to write signs.",
    severity=Severity.WARNING,
    version=1,
    where=" OR ".join(
        f"(length({column}) >= 30 AND ({has(column, _SIGNS)} OR {_NO_LETTERS.format(column)}))"
        for column in ("prompt", "completion")
    ),
    said="[has|have] hardly a letter or digit in a longer text.",
    confirm=lambda texts: says_little(texts.prompt) or says_little(texts.completion),
    bad=(
        Candidate("Where is it?", "........................................"),
        Candidate("=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-=-= ?", "Here."),
        Candidate("Where?", "*** !!! *** !!! *** !!! *** !!!!!!!!!!!!!!!!"),
    ),
    good=(
        Candidate("Where is it?", "--------------\nHere is the table you asked for."),
        Candidate("Laugh", "😀😀😀"),
        Candidate("请问灯在哪里？请问灯在哪里？请问灯在哪里？", "在路上。"),
    ),
)


def _find_ungrounded(rows: Rows) -> Finding | None:
    numbers = f"regexp_extract_all(completion, {quoted(_NUMBER)})"
    missing = f"len(list_filter({numbers}, lambda x: NOT contains(prompt, x))) > 0"
    every = max(1, rows.total() // _SAMPLED_ROWS)
    ids = rows.ids_of(
        f"""WITH sampled AS (
                SELECT task, {missing} AS is_missing FROM {rows.table}
                WHERE example_id % {every} = 0 AND {has("completion", _NUMBER)}),
            grounded AS (
                SELECT task FROM sampled GROUP BY task
                HAVING count(*) >= {_LEAST_ROWS} AND avg(is_missing::INTEGER) <= {1 - _AGREE_SHARE:g})
            SELECT example_id FROM {rows.table}
            WHERE task IN (SELECT task FROM grounded) AND {missing}"""
    )
    return finding_of(
        UNGROUNDED_ANSWER.name,
        ids,
        "[has|have] a number in the answer that the prompt lacks, unlike the rest of the task.",
    )


UNGROUNDED_ANSWER = DatasetCheck(
    name="ungrounded_answer",
    about="Numbers in a completion that its prompt does not have, in a task where nearly all numbers come from it.",
    harms="The model learns to invent.",
    severity=Severity.WARNING,
    version=1,
    find=_find_ungrounded,
    beside=(*(Candidate(f"Order {4000 + n} is late", f"order: {4000 + n}", task="extract") for n in range(40)),),
    bad=(Candidate("Order 5123 is late", "order: 5132", task="extract"),),
    good=(
        *(Candidate(f"Order {4000 + n} is late", f"order: {4000 + n}", task="extract") for n in range(40)),
        Candidate("The lamp is late", "order: none", task="extract"),
        *(Candidate(f"What is {n} and {n}?", f"It is {2 * n + 100}.", task="sums") for n in range(40)),
    ),
)
