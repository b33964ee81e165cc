"""The report of a comparison: the verdict, the arms, what tuning changed, and all that decides the figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from studio.files import JsonObject
from studio.reports.cells import Segment
from studio.reports.compare import CUT, CompareRow, CompareView, compare_table, dominated_arms, scores_of, task_table
from studio.reports.document.blocks import (
    Answered,
    Block,
    Commands,
    Document,
    Example,
    Facts,
    Figure,
    Grid,
    Section,
    Words,
)
from studio.reports.document.figures import forest, tradeoff
from studio.reports.locks import locks_sentence
from studio.reports.numbers import number
from studio.reports.scores import all_scores_tables
from studio.reports.tradeoff import drawn, legend, prices_known, trade_points
from studio.reports.votes import as_scored, votes_table
from studio.runs.specs import CompareSpec
from studio.runs.votes import CastVote
from studio.scoring.comparison import Comparison
from studio.scoring.intervals import Interval
from studio.scoring.scorers import SCORERS
from studio.scoring.votes import self_agreement

EXAMPLES = 6  # of a kind: a report is read, not searched
PLOT_CELLS = (76, 16)


@dataclass(frozen=True)
class Provenance:
    """Where figures come from. ``hashes`` are SHA-256 of the files that decide them, ``versions`` by package.

    They are those of whatever computed the figures, as far as that was noted, else of who writes the report.
    ``made_at`` and ``started_at`` are local times in ISO 8601; ``machine`` is empty where nobody noted it.
    """

    run_id: str
    title: str
    made_at: str
    started_at: str
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    machine: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Names and values, to be read."""
        return [
            ("run", self.run_id),
            ("started", self.started_at),
            ("report written", self.made_at),
            *((f"{name} version", version) for name, version in self.versions.items()),
            *self.machine.items(),
            *((f"sha256 of {name}", digest) for name, digest in self.hashes.items()),
        ]


def comparison_document(
    view: CompareView,
    spec: CompareSpec,
    provenance: Provenance,
    context_window: int | None,
    votes: Sequence[CastVote] = (),
) -> Document:
    """The report of a comparison that has finished, or of the answers so far."""
    comparison = view.comparison
    examples = {kind: _examples(view, kind) for kind in ("fixed", "broken")}
    sections = [
        Section("Scores", _score_blocks(comparison, context_window)),
        *_tradeoff_sections(comparison),
        Section("Every task, every score", _task_blocks(comparison)),
        *_example_sections(view, examples),
        *([Section("Blind votes", [Grid(votes_table(votes))])] if votes else []),
        Section("Settings", [Facts(list(spec.typed().items()))]),
        Section("Where the figures come from", [Facts(provenance.facts)]),
        Section("Do it again", [Commands(commands_of(spec, provenance.run_id)), Words(_AGAIN)]),
    ]
    facts = [
        ("arms", ", ".join(comparison.arms)),
        ("rows", f"{number(comparison.rows)} answered by every arm, {number(comparison.left_out)} left out"),
        *([("test set", locks_sentence(spec.test_locks))] if spec.test_locks else []),
        ("base model", spec.base_model),
        ("answered in", comparison.dtype or "not noted"),
        ("seed", str(spec.seed)),
    ]
    data = _data(view, spec, provenance, votes, examples)
    return Document(f"Comparison {provenance.title}", comparison.verdict, facts, sections, data)


_AGAIN = (
    "Greedy answers depend on the dtype, and the rows on what the data is by then: equal hashes of test.jsonl mean "
    "equal rows and references."
)


def commands_of(spec: CompareSpec, run_id: str) -> list[str]:
    """The command that compares the same arms on the same rows, and the one that shows this result."""
    defaults = type(spec).settings()
    apart = {"run_id": "--run", "arms": "--arms", "limit": "--limit", "tasks": "--tasks", "split": "--split"}
    words = ["studio", "compare"]
    for name, value in spec.typed().items():
        if value == defaults[name][0] and name != "arms":
            continue
        words += [apart[name], value] if name in apart else ["--set", f"{name}={value}"]
    return [shlex.join([*words, "--wait"]), shlex.join(["studio", "compare", "--show", run_id])]


def _score_blocks(comparison: Comparison, context_window: int | None) -> list[Block]:
    table = compare_table(comparison, context_window)
    scores = {arm.arm: scores_of(comparison, arm) for arm in comparison.arms.values()}
    headline = {arm: of[comparison.headline_scorer] for arm, of in scores.items() if comparison.headline_scorer in of}
    dominated = dominated_arms(comparison.arms.values(), headline)
    rows = [(arm, interval, _style(arm, comparison, dominated)) for arm, interval in headline.items()]
    title = next(scorer.title for scorer in SCORERS if scorer.name == comparison.headline_scorer)
    caption = f"{title}, 0 to 100, with 95 % intervals. Dim: another arm scores higher for no more tokens or time."
    cells = ["".join(text for text, _ in line).rstrip() for line in table.drawn(100)]
    return [Figure(caption, forest(rows, caption), cells), Grid(table)]


def _style(arm: str, comparison: Comparison, dominated: frozenset[str]) -> str:
    if arm in dominated:
        return "dim"
    return "good" if arm in comparison.tuned_arms else ""


def _tradeoff_sections(comparison: Comparison) -> list[Section]:
    headline: dict[str, Interval] = {}
    for arm in comparison.arms.values():
        if interval := scores_of(comparison, arm).get(comparison.headline_scorer):
            headline[arm.arm] = interval
    figures: list[Block] = []
    for price in prices_known(comparison):
        points = trade_points(comparison, price, headline)
        words = ", ".join(_plain(line) for line in legend(points, price))
        caption = f"Quality against {price.title}. {words}. Dotted: the frontier, which no arm beats for less."
        cells = [_plain(line) for line in drawn(points, price, *PLOT_CELLS)]
        figures.append(Figure(caption, tradeoff(points, price, f"Quality against {price.title}"), cells))
    return [Section("Quality against what it costs", figures)] if figures else []


def _task_blocks(comparison: Comparison) -> list[Block]:
    by_task = [Grid(task_table(comparison))] if len(comparison.tasks) > 1 else []
    return [*by_task, *(Grid(table, title) for title, table in all_scores_tables(comparison))]


def _examples(view: CompareView, kind: str) -> list[CompareRow]:
    wanted = {"fixed": ("fixed", "closer"), "broken": ("broken", "farther")}[kind]
    return sorted((row for row in view.rows if row.change in wanted), key=lambda row: -row.disagreement)[:EXAMPLES]


def _example_sections(view: CompareView, examples: Mapping[str, Sequence[CompareRow]]) -> list[Section]:
    if len(view.pair) < 2:
        return []
    before, after = view.pair
    counts = ", ".join(f"{number(count)} {change}" for change, count in view.changes.items())
    blocks: list[Block] = [Words(f"From {before} to {after}: {counts}.")]
    for kind, rows in examples.items():
        blocks += [_example(row, view.pair, kind) for row in rows]
    return [Section("What tuning changed", blocks)]


def _example(row: CompareRow, pair: Sequence[str], kind: str) -> Example:
    title = " · ".join(filter(None, [kind, f"row {row.example_id}", row.task]))
    answers = [
        Answered(
            arm=arm,
            text=row.answers[arm],
            is_right=row.scores[arm].get("exact_match") == 1.0,
            fault="cut at the length limit" if row.faults.get(arm) == CUT else row.faults.get(arm, ""),
        )
        for arm in pair
    ]
    return Example(title, row.asked, row.reference, answers)


def _data(
    view: CompareView,
    spec: CompareSpec,
    provenance: Provenance,
    votes: Sequence[CastVote],
    examples: Mapping[str, Sequence[CompareRow]],
) -> JsonObject:
    shown = {
        kind: [
            {"example_id": row.example_id, "task": row.task, "prompt": row.asked, "reference": row.reference}
            | {"answers": {arm: row.answers[arm] for arm in view.pair}}
            for row in rows
        ]
        for kind, rows in examples.items()
    }
    return {
        "kind": "compare",
        "run_id": provenance.run_id,
        "verdict": view.comparison.verdict,
        "scores": view.comparison.to_dict(),
        "changes": view.changes,
        "pair": list(view.pair),
        "examples": shown,
        "votes": {"n": len(votes), "self_agreement": asdict(self_agreement(as_scored(votes)))} if votes else None,
        "settings": spec.typed(),
        "provenance": asdict(provenance),
        "commands": commands_of(spec, provenance.run_id),
    }


def _plain(line: Sequence[Segment]) -> str:
    return "".join(text for text, _ in line).rstrip()
