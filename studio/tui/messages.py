"""What the parts of the screen tell each other: facts in the past tense, wishes ending in Requested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Store
    from studio.runs.state import RunState
    from studio.tokens.tokenizer import ModelFolder
    from studio.tui.session import ClosedStore


@dataclass
class StoreOpened(Message, bubble=False):
    """The store is open; sent to every screen that exists, the session has it from now on."""

    store: Store


@dataclass
class StoreClosed(Message, bubble=False):
    """The store cannot be used now."""

    closed: ClosedStore


@dataclass
class ExamplesChanged(Message, bubble=False):
    """Rows changed, told to every screen by ``Shell.examples_changed``; ``example_ids`` may be a whole import."""

    example_ids: Sequence[int] | ExampleIds
    summary: str


@dataclass
class OthersChanged(Message, bubble=False):
    """Others changed rows, so many each (``counts``, by name).

    ``may_be_more``: rows may have come or gone, or these are not all that changed.
    """

    example_ids: ExampleIds
    counts: Mapping[str, int]
    may_be_more: bool


@dataclass
class ExamplesRequested(Message):
    """A screen wants these rows shown in Data, under this title; ``asked_on`` is the mode that esc goes back to.

    ``said`` is what the screen has to say of some of them, by example.
    """

    example_ids: Sequence[int] | ExampleIds
    title: str
    asked_on: str = "data"
    said: Mapping[int, str] = field(default_factory=dict)


@dataclass
class ModelFound(Message, bubble=False):
    """The settings' base model is on this machine."""

    folder: ModelFolder
    fingerprint: str
    context_window: int


@dataclass
class RunsPolled(Message, bubble=False):
    """All runs as they are now, newest first; nothing changes these objects afterwards."""

    states: list[RunState]

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RunsPolled)


@dataclass
class Answered(Message):
    """What a thread came back with; stale ones (an older ``request``) are dropped by ``Asking``."""

    noun: str
    request: int
    value: Any
    error: BaseException | None
    then: Callable[[Any], None]


@dataclass
class PreviewsRequested(Message):
    """The table is about to show these rows and does not have them."""

    example_ids: list[int]


@dataclass
class CursorMoved(Message):
    """The table's cursor is on another row (None: there is no row)."""

    example_id: int | None

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CursorMoved)


@dataclass
class LineEntered(Message):
    """The prompt bar's line was entered; ``kind`` says which line it was."""

    kind: str
    text: str


@dataclass
class LineLeft(Message):
    """The prompt bar was left with escape."""

    kind: str


@dataclass
class ComparisonRequested(Message):
    """A screen wants this comparison shown in Compare."""

    run_id: str


@dataclass
class ChecksDone(Message):
    """How many of how many checks are through."""

    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ChecksDone)


@dataclass
class TokensCounted(Message):
    """How far the count of a window check is."""

    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, TokensCounted)
