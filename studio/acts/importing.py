"""Import: read everything, show what would happen, then write it in one step that undo takes back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from studio.acts.finding_files import files_meant
from studio.acts.templating import templated
from studio.dataset.candidates import FIELDS
from studio.dataset.formats.reading import Candidate, Problem, columns_of, read_file, read_records, source_name
from studio.dataset.store import Added, Store
from studio.errors import AskedWrongly
from studio.reports.numbers import number
from studio.templates import Template

OnBytes = Callable[[int], None]

STDIN = Path("-")
PROMPT = "{prompt}"
_NAMED_SOURCES = 5
_PIECES = re.compile(r"""(?:"[^"]*"|'[^']*'|[^,"'])+""")


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do. Nothing has been written.

    ``shapes`` says how many records were read as what, the commonest first, those with a problem among them.
    """

    candidates: list[Candidate]
    problems: list[Problem]
    plan: Added
    tasks: dict[str, int]
    source: str
    shapes: dict[str, int] = field(default_factory=dict)

    @property
    def is_mixed(self) -> bool:
        """Whether the records have several shapes, so that each problem is worth its own."""
        return len(self.shapes) > 1

    def problem_words(self, problem: Problem) -> str:
        """A problem for people; in mixed files with the shape that its record was read as."""
        return f"{problem} (read as {problem.shape})" if self.is_mixed and problem.shape else str(problem)


def preview_import(
    store: Store,
    paths: Sequence[Path],
    mapping: dict[str, str] | None = None,
    task: str = "",
    on_bytes: OnBytes | None = None,
    stdin: BinaryIO | None = None,
    prompt_template: str = "",
    *,
    by_lines: bool = False,
    template: Template | None = None,
) -> ImportPreview:
    """Read ``paths`` whole; bad rows become problems. ``stdin`` is what ``-`` among them stands for, where it is given.

    For folders, patterns and datasets of the hub among them see ``finding_files``, for ``by_lines`` ``read_file``.
    With a ``template`` the rows are what it makes of the columns of each record.

    ``prompt_template`` is put around every prompt, which ``{prompt}`` in it stands for; ``\\n`` is a line break. Raises
    AskedWrongly for one without, and for a file that cannot be read at all; StudioError where the disk refuses.
    """
    if prompt_template and PROMPT not in prompt_template:
        raise AskedWrongly(f"--prompt-template has no {PROMPT}: every prompt would be the same.", f"Write {PROMPT}.")
    candidates: list[Candidate] = []
    problems: list[Problem] = []
    paths = files_meant(paths)
    streams = [stdin if path == STDIN else None for path in paths]
    for path, stream in zip(paths, streams, strict=True):
        if template is None:
            rows = read_file(path, mapping, task, on_bytes, stream, by_lines=by_lines)
        else:
            rows = templated(read_records(path, on_bytes, stream), template, columns_of(mapping, task))
        for found in rows:
            if isinstance(found, Problem):
                problems.append(found)
            else:
                candidates.append(_templated(found, prompt_template) if prompt_template else found)
    plan = store.plan_add(candidates)
    tasks = Counter(candidate.task or "(none)" for candidate in candidates)
    names = [source_name(path, is_stream=stream is not None) for path, stream in zip(paths, streams, strict=True)]
    if len(names) > _NAMED_SOURCES:
        names[_NAMED_SOURCES:] = [f"{len(names) - _NAMED_SOURCES} more"]
    shapes = Counter(one.shape for found in (candidates, problems) for one in found if one.shape)
    return ImportPreview(
        candidates, problems, plan, dict(tasks.most_common()), ", ".join(names), dict(shapes.most_common())
    )


def _templated(candidate: Candidate, template: str) -> Candidate:
    return replace(candidate, prompt=template.replace("\\n", "\n").replace(PROMPT, candidate.prompt))


def confirm_import(store: Store, preview: ImportPreview) -> Added:
    """Write the good rows of a preview: one transaction, one undo step."""
    return store.add(preview.candidates, preview.source)


def shapes_said(preview: ImportPreview) -> str:
    """How the records were read, for people: ``chat messages 1,204 · Alpaca 12``; of one shape only its name."""
    if not preview.is_mixed:
        return "".join(preview.shapes)
    return " · ".join(f"{shape} {number(rows)}" for shape, rows in preview.shapes.items())


def already_there(added: Added) -> str:
    """The duplicates of an import, for people: ``4 already there, 3 of them under another task``."""
    said = f"{number(added.duplicates)} already there"
    if not added.of_another_task:
        return said
    which = "" if added.of_another_task == added.duplicates else f"{number(added.of_another_task)} of them "
    return f"{said}, {which}under another task"


def parse_mapping(text: str) -> dict[str, str]:
    """``prompt=question,completion=answer`` as a mapping. Raises AskedWrongly for anything else.

    What stands in quotes is one piece, commas and all: ``system="Be brief, please."``.
    """
    mapping = {}
    for part in filter(None, (piece.strip() for piece in _PIECES.findall(text))):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if name in FIELDS and "{" in column:
            example = column.strip("\"'").replace("{{", "{").replace("}}", "}").replace("{", "{{").replace("}", "}}")
            raise AskedWrongly(
                f"--map {name}={column}: a text with columns in it is a template.",
                f"Write --template '{example}'; on the screen into the field template.",
            )
        if name not in FIELDS or not equals or not column:
            raise AskedWrongly(f"--map {text}: cannot read {part!r}.", "Write it as prompt=COLUMN,completion=COLUMN.")
        mapping[name] = column
    return mapping
