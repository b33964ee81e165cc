"""Where rows come from, who looked at them, and what is known of them that no longer holds."""

from __future__ import annotations

from studio.dataset.candidates import Candidate
from studio.dataset.checks.check import DatasetCheck, Finding, RowCheck, Severity
from studio.dataset.checks.rows import Need, Rows
from studio.dataset.checks.texts import finding_of

_FAR = 4.0
_LEAST_ROWS = 30

NO_SOURCE = RowCheck(
    name="no_source",
    about="Rows that do not say from which file they came.",
    harms="Nobody can say later under which licence they stand, or take back what one source brought in.",
    severity=Severity.INFO,
    version=1,
    where="source IN ('', '-', '<stdin>')",
    said="[names|name] no source.",
    bad=(Candidate("Where is it?", "Here.", source="-"), Candidate("And now?", "There.", source="<stdin>")),
    good=(Candidate("Where is it?", "Here.", source="tickets.jsonl"),),
)


def _find_unreviewed(rows: Rows) -> Finding | None:
    ((accepted,),) = rows.query(f"SELECT count(*) FROM {rows.table} WHERE label = 'accept'")
    if not accepted:
        return None
    return finding_of(
        UNREVIEWED.name,
        rows.ids("label = 'none' AND split <> 'none'"),
        "[stands|stand] in a split and nobody has decided on [it|them], while others are accepted.",
    )


UNREVIEWED = DatasetCheck(
    name="unreviewed",
    about="Rows in a split without a label, in a project where rows are accepted and rejected.",
    harms="A run takes them as they are: what a person has not seen is trained on and measured with.",
    severity=Severity.WARNING,
    version=1,
    find=_find_unreviewed,
    beside=(Candidate("Where is it?", "Here.", label="accept", split="train"),),
    bad=(Candidate("And now?", "There.", split="train"),),
    good=(
        Candidate("Where is it?", "Here.", label="accept", split="train"),
        Candidate("And now?", "There."),
    ),
)


def _find_stale(rows: Rows) -> Finding | None:
    ids = rows.ids_of(
        f"""SELECT example_id FROM {rows.table} AS rows WHERE EXISTS (
                SELECT 1 FROM token_counts WHERE token_counts.example_id = rows.example_id
                AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1))
            AND NOT EXISTS (
                SELECT 1 FROM token_counts WHERE token_counts.example_id = rows.example_id
                AND token_counts.revision = rows.revision
                AND fingerprint = (SELECT fingerprint FROM fingerprints ORDER BY used_at DESC LIMIT 1))"""
    )
    return finding_of(STALE_COUNTS.name, ids, "[was|were] edited after [its|their] tokens were counted: studio window.")


STALE_COUNTS = DatasetCheck(
    name="stale_counts",
    about="Rows that were edited after their tokens were counted.",
    harms="What the Window screen and the checks of lengths say of them holds for their old text.",
    severity=Severity.WARNING,
    version=1,
    find=_find_stale,
    bad=(Candidate("Where is it?", "Here."), Candidate("And now?", "There.")),
    good=(Candidate("Where is it?", "Here."), Candidate("And now?", "There.")),
)


def _find_label_errors(rows: Rows) -> Finding | None:
    losses = f"(SELECT example_id, task, loss FROM {rows.table} JOIN row_losses USING (example_id) WHERE loss > 0)"
    ids = rows.ids_of(
        f"""SELECT example_id FROM {losses} JOIN (
                SELECT task, median(loss) AS middle, greatest(1.4826 * mad(loss), 0.05) AS spread
                FROM {losses} GROUP BY task HAVING count(*) >= {_LEAST_ROWS}) USING (task)
            WHERE loss > 1 AND loss - middle > {_FAR} * spread"""
    )
    return finding_of(
        PROBABLE_LABEL_ERROR.name, ids, "[is|are] far harder for the tuned model than the others of the task."
    )


PROBABLE_LABEL_ERROR = DatasetCheck(
    name="probable_label_error",
    about="Rows whose loss under a run (studio losses RUN --keep) lies far above the others of their task.",
    harms="Where a model that learned the task finds a row hard, the row's completion is often wrong.",
    severity=Severity.WARNING,
    version=1,
    needs=(Need.LOSSES,),
    find=_find_label_errors,
    beside=(*(Candidate(f"Tone of {n}?", "calm") for n in range(40)),),
    bad=(Candidate("Tone of a thank you?", "wrong"),),
    good=tuple(Candidate(f"Tone of {n}?", "calm") for n in range(40)),
)
