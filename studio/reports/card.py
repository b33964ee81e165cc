"""The dataset card: a Markdown file that says what a dataset is, from facts alone.

Its head is the YAML that the Hugging Face hub reads of a dataset's README.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from studio.dataset.checks.kept import Result
from studio.dataset.facts import LISTED, Facts, Lengths
from studio.dataset.labels import LABELS, SPLITS
from studio.reports.numbers import counted, number
from studio.reports.visible import visible

# As the hub names sizes: the first that is more than the rows.
_SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000), ("1M<n<10M", 10**7))


def card_text(name: str, facts: Facts, results: Sequence[Result], licence: str = "") -> str:
    """The whole card. ``licence`` is what somebody said it is; without one the card says that nobody did."""
    parts = [
        _head(facts, licence),
        f"# {_safe(name)}\n",
        _what_it_is(facts, licence),
        _splits(facts),
        _list("Tasks", "task", facts.tasks),
        _list("Sources", "file", facts.sources),
        _list("Instruction templates", "template", facts.templates),
        _sizes([("prompt", facts.prompt), ("completion", facts.completion)]),
        _people(facts),
        _imports(facts),
        _checks(results),
    ]
    return "\n".join(part for part in parts if part)


def _head(facts: Facts, licence: str) -> str:
    size = next((words for words, most in _SIZES if facts.rows < most), "n>10M")
    lines = [f"license: {json.dumps(licence, ensure_ascii=False)}"] if licence else []
    return "\n".join(["---", *lines, "size_categories:", f"- {size}", "---", ""])


def _what_it_is(facts: Facts, licence: str) -> str:
    sentences = [f"{counted(facts.rows, 'example')} for supervised fine-tuning: a prompt and its completion each."]
    for count, words in (
        (facts.conversations, "with earlier turns of a conversation before the prompt"),
        (facts.with_system, "with a system message"),
        (facts.with_rejected, "with a rejected answer beside the chosen one"),
        (facts.plain_texts, "plain texts without a prompt"),
        (facts.equal_prompts, "whose prompt stands in another example too"),
    ):
        if count:
            sentences.append(f"{number(count)} {words}.")
    if facts.newest_change:
        sentences.append(f"As of {facts.newest_change:%Y-%m-%d %H:%M} UTC.")
    said = f"Licence: {_safe(licence)}." if licence else "Licence: not stated."
    return "\n".join(f"- {sentence}" for sentence in [*sentences, said]) + "\n"


def _splits(facts: Facts) -> str:
    counts = {(split, label): count for split, label, count in facts.by_split}
    rows = [
        [split, *(number(counts.get((split, label), 0)) for label in LABELS), number(total)]
        for split in SPLITS
        if (total := sum(counts.get((split, label), 0) for label in LABELS))
    ]
    return _table("Splits and labels", ["split", *LABELS, "all"], rows)


def _list(title: str, column: str, found: Sequence[tuple[str, int]]) -> str:
    if not found or [name for name, _ in found] == [""]:
        return ""
    text = _table(title, [column, "examples"], [[name or "(none)", number(count)] for name, count in found])
    return text + (f"The {LISTED} commonest.\n" if len(found) == LISTED else "")


def _sizes(sides: Iterable[tuple[str, Lengths]]) -> str:
    rows = [
        [f"{name}, in {one.unit}", number(round(one.median)), number(round(one.p95)), number(one.most)]
        for name, one in sides
    ]
    return _table("Lengths", ["", "median", "95 of 100 are below", "longest"], rows)


def _people(facts: Facts) -> str:
    rows = [[one.who, number(one.labelled), number(one.edited)] for one in facts.labellers]
    return _table("Who decided", ["who", "labelled", "edited"], rows)


def _imports(facts: Facts) -> str:
    rows = [[one.summary, one.who, f"{one.at:%Y-%m-%d}", number(one.rows)] for one in facts.imports]
    return _table("Where it came from", ["import", "by", "on", "examples now"], rows)


def _checks(results: Sequence[Result]) -> str:
    rows = []
    for result in results:
        if result.checked_at is None:
            continue
        found = result.finding.sentence if result.finding else "nothing found"
        if result.waiver:
            found += f" (let be by {result.waiver.who}: {result.waiver.reason})"
        stale = f"{counted(result.changed_rows, 'row')} changed since" if result.changed_rows else ""
        rows.append([result.check.name, found, f"{result.checked_at:%Y-%m-%d}", stale])
    if not rows:
        return "## Checks\n\nNone was run (`studio check`).\n"
    return _table("Checks", ["check", "found", "on", ""], rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [columns, ["---"] * len(columns), *rows]
    return f"## {title}\n\n" + "".join(f"| {' | '.join(map(_safe, line))} |\n" for line in lines)


def _safe(text: str) -> str:
    """A text of the data as Markdown says it word for word, on one line."""
    said = visible(text, single_line=True)
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in said)
