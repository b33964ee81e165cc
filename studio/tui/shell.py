"""What a screen, a dialog or the demo may ask of the app around it: they know no more of it than this."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from studio.tui.session import Session
from studio.tui.widgets.header import HeaderFacts

if TYPE_CHECKING:
    from textual.app import App

    from studio.dataset.examples import ExampleIds
    from studio.dataset.store import Store


class Demo(Protocol):
    """The main job playing itself: ``advance`` takes the next step if it is time, and says what it did."""

    wanted_screen: str | None

    def advance(self, store: Store) -> str | None: ...


class Shell(Protocol):
    """One project's studio: its session, its words, its screens, its store."""

    session: Session
    last_said: tuple[str, str]

    def say(self, text: str, severity: str = "information") -> None:
        """One sentence on the status line of whatever screen is shown."""

    def forget_error(self) -> None:
        """Take an error off the status line: its cause is gone."""

    def report(self, error: BaseException) -> None:
        """A StudioError becomes words; anything else is raised."""

    def attempt(self, act: Callable[[], None]) -> None:
        """Do ``act``, which no key asked for; a StudioError becomes words."""

    def show_screen(self, name: str) -> None:
        """Show ``"data"``, ``"window"``, ``"runs"``, ``"compare"``, ``"try"`` or ``"checks"``."""

    def header_facts(self, screen: str) -> HeaderFacts:
        """What the header of that screen says."""
        ...

    def set_header(self, **facts: Any) -> None:
        """Change what the header says: ``examples=``, ``running=``, ``model=``."""

    def switch_theme(self) -> None:
        """Dark becomes light, light dark."""

    def open_store(self) -> None:
        """Open the store in a thread; every screen then gets ``StoreOpened`` or ``StoreClosed``."""

    def when_open(self, act: Callable[[], None]) -> None:
        """Do ``act`` once the store that is being opened is open."""

    def undo(self) -> None:
        """Take back the newest change of the store, and say which."""

    def redo(self) -> None:
        """Do again what was undone last, and say what."""

    def examples_changed(self, example_ids: Sequence[int] | ExampleIds, summary: str) -> None:
        """Tell every screen that these rows are not what they were."""

    def poll_runs(self) -> None:
        """Look at the runs in a thread; every screen then gets ``RunsPolled``."""

    def start_demo(self, demo: Demo) -> None:
        """Let the demo play, now and in the screens it wants."""


def shell_of(app: App[Any]) -> Shell:
    """The app as a shell: Textual gives a screen its app without a type, and a Protocol cannot be its base class."""
    return cast(Shell, app)
