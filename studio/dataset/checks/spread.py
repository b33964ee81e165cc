"""What stands out from the other rows: lengths, answers given to many prompts, beginnings that all share."""

from __future__ import annotations

import numpy as np

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, Severity
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.checks.texts import LABEL_CHARS, finding_of, task_in_words

_LEAST_ROWS = 50
_LEAST_FAR = 6.0
_NORMAL = 1.4826  # the median absolute deviation of a normal distribution times this is its standard deviation
_LEAST_SHARED = 60
_LEAST_AGAIN = 5


def _far(table: str, value: str) -> str:
    """A SELECT of the rows whose ``value`` lies far from its task's median, in robust standard deviations.

    Robust z = |x - median| / (1.4826 MAD): Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993).
    """
    return f"""SELECT example_id FROM (SELECT example_id, task, {value} AS value FROM {table}) JOIN (
            SELECT task, median({value}) AS middle, greatest({_NORMAL} * mad({value}), 0.1) AS spread
            FROM {table} GROUP BY task HAVING count(*) >= {_LEAST_ROWS}) USING (task)
        WHERE abs(value - middle) > {_LEAST_FAR} * spread"""


def _find_long_or_short(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"{_far(rows.table, 'ln(1 + length(prompt))')} UNION {_far(rows.table, 'ln(1 + length(completion))')}"
    )
    return finding_of(LENGTH_OUTLIERS.name, ids, "[is|are] far longer or shorter than the others of the task.")


LENGTH_OUTLIERS = DatasetCheck(
    name="length_outliers",
    about="Prompts and completions far longer or shorter than their task's others (robust z of the logarithm above 6).",
    harms="They are often two rows in one, or half of one; long ones fill every batch they are in with padding.",
    severity=Severity.INFO,
    version=1,
    find=_find_long_or_short,
    beside=(*(Candidate(f"Where is parcel {n} today, and when does it come?", f"In van {n}.") for n in range(60)),),
    bad=(Candidate("Where is everything? " * 200, "Here."),),
    good=tuple(Candidate(f"Where is parcel {n}?{' Please.' * (n % 4)}", f"In van {n}.") for n in range(60)),
)


def _find_boilerplate(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS (SELECT example_id, task, prompt_hash, md5(completion) AS answer
                FROM {rows.table} WHERE length(completion) > {LABEL_CHARS}),
            free AS (SELECT task, count(*) AS total FROM judged GROUP BY task
                HAVING count(DISTINCT answer) >= 0.5 * count(*)),
            again AS (SELECT task, answer FROM judged JOIN free USING (task)
                GROUP BY task, answer, total
                HAVING count(DISTINCT prompt_hash) >= greatest({_LEAST_AGAIN}, 0.002 * total))
            SELECT example_id FROM judged JOIN again USING (task, answer)"""
    )
    return finding_of(
        BOILERPLATE_COMPLETION.name, ids, "[gives|give] an answer that many different prompts get, word for word."
    )


BOILERPLATE_COMPLETION = DatasetCheck(
    name="boilerplate_completion",
    about="One long completion for many different prompts, in a task whose answers otherwise differ.",
    harms="The model falls back on it whenever it is unsure.",
    severity=Severity.WARNING,
    version=1,
    find=_find_boilerplate,
    beside=(
        *(
            Candidate(f"Where is parcel {n}?", f"It is in van number {n}, which is on its way to your door.")
            for n in range(40)
        ),
    ),
    bad=(
        *(
            Candidate(f"May I send {n} back?", "Please see our terms, which say all there is to say about it.")
            for n in range(8)
        ),
    ),
    good=(
        *(
            Candidate(f"Where is parcel {n}?", f"It is in van number {n}, which is on its way to your door.")
            for n in range(40)
        ),
        Candidate("May I?", "Please see our terms, which say all there is to say about it."),
        *(Candidate(f"Tone of {n}", "angry", task="tone") for n in range(40)),
    ),
)


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with alike; all texts between them in order begin so too."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _find_shared_beginning(rows: Rows) -> Finding | None:
    sentences = []
    found = rows.query(
        f"""SELECT task, count(*), median(length(prompt)), min(prompt), max(prompt) FROM {rows.table}
            GROUP BY task HAVING count(*) >= 20 ORDER BY task"""
    )
    for task, count, usual, first, last in found:
        shared = _shared(first, last)
        if shared >= max(_LEAST_SHARED, 0.1 * usual):
            sentences.append(
                f"All {count:,} prompts of {task_in_words(task)} begin with the same {shared:,} characters."
            )
    return Finding(SHARED_BEGINNING.name, np.empty(0, dtype=np.int64), " ".join(sentences)) if sentences else None


SHARED_BEGINNING = DatasetCheck(
    name="shared_beginning",
    about=f"Tasks whose prompts all begin with the same {_LEAST_SHARED} characters or more.",
    harms="Tokens in every row that tell the rows not apart; as a system prompt they are written once.",
    severity=Severity.INFO,
    version=1,
    find=_find_shared_beginning,
    bad=tuple(
        Candidate(f"You work for a shop. Read the ticket and say what the customer wants.\n\nTicket {n}", f"{n}")
        for n in range(30)
    ),
    good=tuple(Candidate(f"What does the customer want?\n\nTicket {n}", f"{n}") for n in range(30)),
)


def _find_token_outliers(rows: Rows) -> Finding | None:
    table = f"""(SELECT example_id, task, ln((prompt_tokens + completion_tokens + 1)
            / (length(prompt) + length(completion) + length(system) + 1)) AS value
        FROM {rows.table} AS rows JOIN token_counts USING (example_id, revision)
        WHERE length(prompt) + length(completion) >= 80
        AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1))"""
    return finding_of(
        TOKENS_PER_CHARACTER.name,
        rows.ids_of(_far(table, "value")),
        "[has|have] far more or fewer tokens a character than the others of the task.",
    )


TOKENS_PER_CHARACTER = DatasetCheck(
    name="tokens_per_character",
    about="Rows with far more tokens a character than their task's others: another script, base64, noise.",
    harms="They cost more than they teach, and are often no text at all.",
    severity=Severity.INFO,
    version=1,
    needs=(Need.TOKENS,),
    find=_find_token_outliers,
    beside=(
        *(
            Candidate(
                f"Where is parcel number {n} which I have been waiting for so long now",
                f"It is in van {n} and it comes soon.",
            )
            for n in range(60)
        ),
    ),
    bad=(Candidate("a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4, "a b c d e f g h i j k"),),
    good=tuple(
        Candidate(
            f"Where is parcel number {n} which I have been waiting for so long now",
            f"It is in van {n} and it comes soon.",
        )
        for n in range(60)
    ),
)


def _counted(rows: Rows, condition: str) -> str:
    return f"""SELECT example_id FROM {rows.table} AS rows JOIN token_counts USING (example_id, revision)
        WHERE fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1)
        AND {rows.around.max_length} > 0 AND {condition}"""


def _find_over_length(rows: Rows) -> Finding | None:
    most = rows.around.max_length
    ids = rows.ids_of(_counted(rows, f"prompt_tokens < {most} AND prompt_tokens + completion_tokens > {most}"))
    return finding_of(OVER_LENGTH.name, ids, f"[is|are] longer than max_length, which is {most:,} tokens.")


def _find_nothing_left(rows: Rows) -> Finding | None:
    most = rows.around.max_length
    ids = rows.ids_of(_counted(rows, f"prompt_tokens >= {most}"))
    return finding_of(
        NOTHING_LEFT.name,
        ids,
        f"[has|have] a prompt that fills max_length ({most:,} tokens) alone: no token is learned.",
    )


# Both are warnings: a run refuses such rows by itself until its setting ``overlong`` says what becomes of them.
OVER_LENGTH = DatasetCheck(
    name="over_length",
    about="Rows with more tokens than the project's max_length, template included.",
    harms="They are left out or cut, as the run's setting overlong says; a cut answer teaches to stop early.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.TOKENS,),
    find=_find_over_length,
    bad=(Candidate("Where is it?", "word " * 600), Candidate("Where?", "long " * 700)),
    good=(Candidate("Where is it?", "word " * 20), Candidate("word " * 600, "Here.")),
)

NOTHING_LEFT = DatasetCheck(
    name="nothing_left",
    about="Rows whose prompt alone has as many tokens as max_length, or more.",
    harms="Nothing of their completion is learned: a step spent for nothing.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.TOKENS,),
    find=_find_nothing_left,
    bad=(Candidate("word " * 600, "Here."), Candidate("long " * 700, "There.")),
    good=(Candidate("Where is it?", "word " * 600), Candidate("word " * 20, "Here.")),
)
