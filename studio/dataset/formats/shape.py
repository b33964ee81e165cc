"""What a shape is: how one record holds a prompt and its completion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.dataset.candidates import Columns, Place, Problem, Record

if TYPE_CHECKING:
    from studio.dataset.examples import Example

Texts = dict[str, str]


@dataclass(frozen=True)
class Shape:
    """A way to write a pair down. ``name`` fits into "prompt/completion or chat messages"; ``sample`` is one record.

    ``needs`` are the columns without which a record is not of this shape; a record with all of them is, where it also
    ``fits``, which is given a record, or the names of a table's columns with None for their values. ``read`` gives the
    texts of the fields prompt, completion and perhaps system, context, rejected. ``has_columns`` where each text stands
    in a column of its own: then a table can hold it. ``propose`` guesses a mapping
    (``prompt=question,completion=answer``) from columns of other names, or gives nothing. ``write`` makes a record of
    an example, with ``columns`` at most; without it the shape is only read. ``word`` names it on a command line.
    """

    name: str
    about: str
    sample: str
    needs: Callable[[Columns], frozenset[str]]
    read: Callable[[Record, Columns, Place], Texts | Problem]
    has_columns: bool
    propose: Callable[[Sequence[str]], str] | None = None
    write: Callable[[Example], Mapping[str, object]] | None = None
    columns: tuple[str, ...] = ()
    fits: Callable[[Record], bool] = lambda record: True
    word: str = ""
