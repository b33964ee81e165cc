"""What a run's model answered to a few fixed validation prompts at each evaluation: one sees it change.

``samples.jsonl`` gets a line an answer; it holds at most a few short texts an evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from studio.errors import StudioError
from studio.files import JsonLinesWriter, read_json_lines, why_not
from studio.runs.directory import FrozenRow, RunDirectory, read_rows


@dataclass(frozen=True)
class Sample:
    """The answer of the weights after ``step`` (0: the untuned model); ``is_cut``: the limit of tokens ended it."""

    step: int
    example_id: int
    text: str
    is_cut: bool = False


@dataclass(frozen=True)
class Sampled:
    """A validation row, and what the model answered it, by rising step."""

    row: FrozenRow
    samples: list[Sample]


def append_samples(directory: RunDirectory, samples: Iterable[Sample]) -> None:
    """Add lines to ``samples.jsonl``. Raises OSError on a full disk."""
    lines = JsonLinesWriter(directory.samples_path)
    try:
        for sample in samples:
            lines.write(asdict(sample))
    finally:
        lines.close()


def read_samples(directory: RunDirectory) -> list[Sample]:
    """The samples by example and step; of a step that was done again only the newest. Raises StudioError."""
    try:
        lines, _ = read_json_lines(directory.samples_path)
        samples = [
            Sample(int(line["step"]), int(line["example_id"]), str(line["text"]), bool(line.get("is_cut")))
            for line in lines
        ]
    except OSError as error:
        raise StudioError(f"{directory.samples_path} cannot be read: {why_not(error)}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise StudioError(f"{directory.samples_path} is damaged: {error}.") from error
    newest = {(sample.example_id, sample.step): sample for sample in samples}
    order = {example_id: place for place, example_id in enumerate(dict.fromkeys(s.example_id for s in samples))}
    return sorted(newest.values(), key=lambda sample: (order[sample.example_id], sample.step))


def sampled_rows(directory: RunDirectory) -> list[Sampled]:
    """The rows of a run's sample prompts with their answers. Raises StudioError where a file is damaged."""
    samples = read_samples(directory)
    wanted = dict.fromkeys(sample.example_id for sample in samples)
    rows = {row.example_id: row for row in read_rows(directory.rows_path("validation"))} if wanted else {}
    return [
        Sampled(rows[example_id], [sample for sample in samples if sample.example_id == example_id])
        for example_id in wanted
        if example_id in rows
    ]
