"""What differs between two runs: what each was asked, and which rows each learned from or was measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from studio.runs.directory import FrozenRow, RunDirectory, read_rows
from studio.runs.settings import Spec
from studio.runs.specs import read_spec

SPLITS = ("train", "validation", "test")
# Where something lies on this disk is no setting.
_PATHS = frozenset({"model_path", "tuned_path"})


@dataclass(frozen=True)
class Setting:
    """A setting that differs; a value is None where the run has no such setting."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class RowDifferences:
    """Examples of one split: only in the second run, only in the first, in both with other texts or another task.

    ``same`` counts the others.
    """

    split: str
    added: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    edited: list[int] = field(default_factory=list)
    same: int = 0

    @property
    def is_same(self) -> bool:
        return not (self.added or self.removed or self.edited)


@dataclass(frozen=True)
class RunDifferences:
    """From the first run to the second."""

    before: RunDirectory
    after: RunDirectory
    settings: list[Setting]
    rows: list[RowDifferences]


def differences_between(before: RunDirectory, after: RunDirectory) -> RunDifferences:
    """Compare specs and frozen rows. Raises StudioError where one of them is damaged."""
    return RunDifferences(
        before,
        after,
        _settings(read_spec(before), read_spec(after)),
        [
            row_differences(split, read_rows(before.rows_path(split)), read_rows(after.rows_path(split)))
            for split in SPLITS
            if before.rows_path(split).exists() or after.rows_path(split).exists()
        ],
    )


def as_json(found: RunDifferences) -> dict[str, object]:
    """The differences for scripts."""
    return {
        "before": found.before.run_id,
        "after": found.after.run_id,
        "settings": [asdict(setting) for setting in found.settings],
        "rows": [asdict(rows) for rows in found.rows],
    }


def _settings(before: Spec, after: Spec) -> list[Setting]:
    one, other = ({"kind": spec.kind, **asdict(spec)} for spec in (before, after))
    names = [name for name in dict.fromkeys([*one, *other]) if name not in _PATHS]
    return [Setting(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]


def row_differences(split: str, before: Sequence[FrozenRow], after: Sequence[FrozenRow]) -> RowDifferences:
    """Which examples came, went and read otherwise, from one set of frozen rows to another."""
    one, other = ({row.example_id: _learned(row) for row in rows} for rows in (before, after))
    both = one.keys() & other.keys()
    edited = sorted(example_id for example_id in both if one[example_id] != other[example_id])
    return RowDifferences(
        split, sorted(other.keys() - one.keys()), sorted(one.keys() - other.keys()), edited, len(both) - len(edited)
    )


def _learned(row: FrozenRow) -> tuple[str, ...]:
    """What of a row a run sees; a hash that an older studio did not freeze is no edit."""
    return row.task, row.system, row.context, row.prompt, row.completion
