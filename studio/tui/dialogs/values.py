"""The values of a column with how many rows have each, to filter by one or several of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from studio.dataset.examples import Value, Values
from studio.dataset.filters import NULLS
from studio.reports.cells import fit
from studio.reports.numbers import counted, loss, number, percent
from studio.reports.visible import visible
from studio.tui import actions
from studio.tui.dialogs.list_dialog import ListDialog
from studio.tui.styles import style_of
from studio.tui.widgets.lines import Line
from studio.tui.widgets.row_list import RowList

NARROW_AFTER_SECONDS = 0.1
_COUNT_CELLS = 20


class ValuesDialog(ListDialog):
    """Dismissed with the values to filter by, or None. ``count(containing)`` asks for them, in a thread.

    ``title`` says of which rows.
    """

    BINDINGS = actions.bindings_for("Values")
    DEFAULT_CSS = """
    ValuesDialog Input { display: none; height: 1; border: none; padding: 0; }
    ValuesDialog.narrowing Input { display: block; }
    ValuesDialog #said { height: 1; }
    """

    OTHER_LINES = 4

    def __init__(self, column: str, title: str, count: Callable[[str], Values]) -> None:
        super().__init__()
        self._column, self._title, self._count = column, title, count
        self.values: Values | None = None
        self.ticked: list[Value] = []
        self._typed_ahead: list[Callable[[], None]] = []  # meant for values that are still being counted

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"values of {self._column} · {visible(self._title, single_line=True)}")
            dialog.border_subtitle = Content("enter filters · space ticks several · / narrows · esc leaves")
            yield Static(id="said")
            yield Input(placeholder="only values with this in them", compact=True)
            yield RowList()

    def on_mount(self) -> None:
        self._narrow()

    # -- counting

    def _narrow(self) -> None:
        self._say("counting … esc interrupts")
        self.ask("values", partial(self._count, self.query_one(Input).value), self._show)

    def _show(self, values: Values) -> None:
        self.values = values
        self.row_list.show(len(values.found), partial(self._line, values), 0)
        self.fit()
        self._say_how_many(values)
        waiting, self._typed_ahead = self._typed_ahead, []
        for act in waiting:
            act()

    def _once_counted(self, act: Callable[[], None]) -> None:
        if self.is_waiting or self.is_asking("values"):
            self._typed_ahead.append(act)
        else:
            act()

    def _say_how_many(self, values: Values) -> None:
        words = f"{counted(values.distinct, 'value')} in {counted(values.rows, 'row')}"
        if len(values.found) < values.distinct:
            words = f"the first {number(len(values.found))} of {words}; / finds others"
        ticked = f" · {number(len(self.ticked))} ticked" if self.ticked else ""
        self._say((words if values.found else "no value") + ticked)

    def _say(self, words: str, style: str = "dim") -> None:
        self.query_one("#said", Static).update(Content.styled(words, style_of(style)))

    def on_failed(self, noun: str, error: Exception) -> None:
        self._typed_ahead.clear()
        self._say(str(error), "bad")

    def _line(self, values: Values, index: int, width: int) -> Line:
        value, count = values.found[index]
        mark = "▪ " if value in self.ticked else "  "
        words, style = shown_value(self._column, value)
        share = percent(count / values.rows)
        return [
            (mark, "mark"),
            (fit(words, width - _COUNT_CELLS - 2), style),
            (f"{number(count):>12}{share:>8}", "dim"),
        ]

    # -- keys

    def action_tick(self) -> None:
        self._once_counted(self._tick)

    def action_choose(self) -> None:
        self._once_counted(self._choose)

    def _tick(self) -> None:
        if self.values is None or not self.values.found:
            return
        value = self.values.found[self.row_list.index][0]
        if value in self.ticked:
            self.ticked.remove(value)
        else:
            self.ticked.append(value)
        self._say_how_many(self.values)
        self.row_list.refresh()
        self.row_list.move(1)

    def _choose(self) -> None:
        if self.values is not None and self.values.found:
            self.dismiss(self.ticked or [self.values.found[self.row_list.index][0]])

    def action_narrow(self) -> None:
        self.add_class("narrowing")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.after("narrow", NARROW_AFTER_SECONDS, self._narrow)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.row_list.focus()

    async def action_dismiss(self, result: list[Value] | None = None) -> None:
        """In the line that narrows esc empties it; the next one leaves."""
        if not self.has_class("narrowing"):
            self.dismiss(result)
            return
        self.remove_class("narrowing")
        self.query_one(Input).value = ""
        self.row_list.focus()

    def on_unmount(self) -> None:
        if self.is_asking("values") and self.store is not None:
            self.store.interrupt()


def shown_value(column: str, value: Value) -> tuple[str, str]:
    """A value in words, and their style."""
    if value is None:
        return NULLS[column], "dim"
    if isinstance(value, bool):
        return ("marked" if value else "not marked"), "plain"
    if isinstance(value, str):
        return (value, "plain") if value.strip() else ("(empty)" if not value else repr(value), "dim")
    if isinstance(value, float):
        return loss(value), "plain"
    if isinstance(value, int):
        return number(value), "plain"
    return f"{value:%Y-%m-%d %H:%M:%S}", "plain"
