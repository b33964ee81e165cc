"""Completions that hold their prompt, and prompts that hold their answer."""

from __future__ import annotations

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, Rewriting, RowCheck, Severity, Texts
from studio.dataset.checks.rows import Rows
from studio.dataset.checks.texts import finding_of

_LEAST_PASTED = 15
_LEAST_ANSWER = 15
# Where this share of a task's answers stands in the prompt, finding it there is the task.
_EXTRACTS = 0.2


def _without_prompt(texts: Texts) -> Texts:
    prompt, completion = texts.prompt.strip(), texts.completion.strip()
    if not completion.lower().startswith(prompt.lower()):
        return texts
    rest = completion[len(prompt) :].lstrip(" \n\t:-–—")
    return texts._replace(completion=rest) if rest else texts


COMPLETION_IS_PROMPT = RowCheck(
    name="completion_is_prompt",
    about="Completions that are their prompt again, but for case and the space around it.",
    harms="The model learns to say what it was asked.",
    severity=Severity.WARNING,
    version=1,
    where="length(completion) BETWEEN length(prompt) - 20 AND length(prompt) + 20 "
    "AND lower(trim(completion, E' \\n\\t')) = lower(trim(prompt, E' \\n\\t'))",
    said="[has|have] the prompt for a completion.",
    bad=(Candidate("Where is my lamp?", "Where is my lamp?"), Candidate("Send it back", " send it back\n")),
    good=(Candidate("Where is my lamp?", "On its way."), Candidate("Correct: he go home", "He goes home.")),
)

PROMPT_IN_COMPLETION = RowCheck(
    name="prompt_in_completion",
    about="Completions that begin with their whole prompt, as a base model's output does.",
    harms="The model learns to repeat the question first: tokens that are paid for and read by nobody.",
    severity=Severity.WARNING,
    version=1,
    where=f"length(completion) > length(prompt) AND length(prompt) >= {_LEAST_PASTED} "
    "AND lower(left(ltrim(completion), 8)) = lower(left(ltrim(prompt), 8)) "
    "AND starts_with(lower(ltrim(completion)), lower(trim(prompt)))",
    said="[has|have] a completion that begins with the whole prompt.",
    fix=Rewriting("take the prompt off the beginning of the completion", _without_prompt),
    bad=(
        Candidate("Where is my parcel today?", "Where is my parcel today? It is on its way."),
        Candidate("Translate: good morning", "translate: good morning\nChào buổi sáng"),
    ),
    good=(
        Candidate("Where is my parcel today?", "It is on its way."),
        Candidate("The", "The lamp is broken."),
        Candidate("Where is my parcel today?", "Where is my parcel today?"),
    ),
)


def _find_answers_given(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""WITH judged AS (
                SELECT example_id, task, length(completion) >= {_LEAST_ANSWER}
                    AND contains(prompt, trim(completion)) AS is_given FROM {rows.table}),
            extracting AS (SELECT task FROM judged GROUP BY task HAVING avg(is_given::INTEGER) > {_EXTRACTS}
                AND count(*) >= 10)
            SELECT example_id FROM judged WHERE is_given AND task NOT IN (SELECT task FROM extracting)"""
    )
    return finding_of(
        ANSWER_IN_PROMPT.name, ids, "[has|have] the whole answer in the prompt; others of the task do not."
    )


ANSWER_IN_PROMPT = DatasetCheck(
    name="answer_in_prompt",
    about="Prompts that contain their whole completion, where the task is not to find it there.",
    harms="The model learns to copy; in a test split the question gives its answer away.",
    severity=Severity.WARNING,
    version=1,
    find=_find_answers_given,
    beside=(
        *(Candidate(f"Why is parcel {number} late?", f"It waits for a van, number {number}.") for number in range(12)),
    ),
    bad=(Candidate("Why is it late? Answer: it is stuck in customs", "it is stuck in customs"),),
    good=(
        *(Candidate(f"Name the place: the lamp is in room {n} upstairs", f"room {n} upstairs") for n in range(12)),
        Candidate("Is it late? yes or no", "yes", task="short"),
    ),
)
