"""The card of a model that leaves: what it was made of, how it learned, how well it answers, what nobody knows of it.

Its head is the YAML that the Hugging Face hub reads of a model's README.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from studio.reports.document.blocks import Block, Document, Facts, Grid, Section, Words
from studio.reports.document.comparison import Provenance
from studio.reports.document.markdown import as_markdown
from studio.reports.document.training import training_document
from studio.reports.history import PastComparison, history_table
from studio.reports.numbers import counted, loss, number
from studio.reports.table import Cell, Column, Table
from studio.runs.directory import FrozenRow
from studio.runs.leaving import Verified
from studio.runs.specs import TrainSpec
from studio.runs.state import RunState


def model_card(
    *,
    state: RunState,
    spec: TrainSpec,
    provenance: Provenance,
    rows: Mapping[str, Sequence[FrozenRow]],
    comparisons: Sequence[PastComparison],
    found: Verified,
    step: int = 0,
) -> str:
    """The whole card as Markdown. ``rows`` are the frozen ones by split; ``step`` is the checkpoint's, 0 for the end.

    No text of a row is in it.
    """
    of_run = training_document(state, spec, provenance)
    sections = [
        Section("Verified", [Words(f"The weights of this folder ({found.dtype}) were {found.words}.")]),
        Section("Data", _data(rows, provenance)),
        Section("Scores", _scores(comparisons)),
        Section("Limits", _limits(state.rows or len(rows.get("train", ())), spec, comparisons, found)),
        Section("Losses on validation", [Grid(_losses(state))]),
        *of_run.sections,
    ]
    made = f"its checkpoint of step {number(step)}" if step else "what it left"
    lead = f"{spec.base_model} fine-tuned by {spec.method}; {made}, merged into one model. {of_run.lead}"
    facts = [*of_run.facts, ("parameters", number(found.parameters)), ("weights", found.dtype)]
    return _head(spec) + as_markdown(Document(provenance.title, lead, facts, sections, {}))


def _head(spec: TrainSpec) -> str:
    is_path = spec.base_model.startswith((".", "/", "~"))
    named = [] if is_path else [f"base_model: {json.dumps(spec.base_model, ensure_ascii=False)}"]
    return "\n".join(["---", "library_name: transformers", *named, "tags:", "- fine-tuned", "---", "", ""])


def _data(rows: Mapping[str, Sequence[FrozenRow]], provenance: Provenance) -> list[Block]:
    tasks = Counter(row.task or "(none)" for row in rows.get("train", ()))
    facts = [(f"{split} rows", number(len(of))) for split, of in rows.items()]
    facts += [(f"of these {task}", number(count)) for task, count in tasks.most_common(20)] * (len(tasks) > 1)
    facts += [(f"sha256 of {split}.jsonl", provenance.hashes.get(f"{split}.jsonl", "not known")) for split in rows]
    return [Facts(facts)]


def _scores(comparisons: Sequence[PastComparison]) -> list[Block]:
    if not comparisons:
        return [Words("No comparison was run: how well it answers was not measured.")]
    blocks: list[Block] = [Grid(history_table(comparisons))]
    if any(len(one.scores.tasks) > 1 for one in comparisons):
        blocks.append(Grid(history_table(comparisons, by_task=True), "By task"))
    return blocks


def _limits(
    learned: int,
    spec: TrainSpec,
    comparisons: Sequence[PastComparison],
    found: Verified,
) -> list[Block]:
    said = [
        f"It learned {counted(learned, 'row')} of at most {number(spec.max_length)} tokens; "
        "on longer texts, and on what these rows are not like, nothing is known.",
        f"That it is the model of the run was looked at on {counted(found.rows, 'row')}; that says nothing of quality.",
        "What else the base model could do may have suffered; "
        + ("see the scores." if comparisons else "no comparison looked at it."),
        "The licence and the limits of the base model hold for it too.",
    ]
    return [Words(sentence) for sentence in said]


def _losses(state: RunState) -> Table:
    series = state.series
    rows = [
        [Cell(number(step)), Cell(loss(value))] for step, value in zip(series.eval_step, series.eval_loss, strict=True)
    ]
    notes = [] if rows else ["No validation rows: none was computed."]
    return Table([Column("step"), Column("loss on validation")], rows, notes=notes)
