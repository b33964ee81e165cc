"""A form over a spec: one line a setting, a sentence on the one in focus, the reason where a value will not do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from studio.errors import AskedWrongly
from studio.reports.cells import cut_middle
from studio.reports.visible import visible
from studio.runs.settings import Spec
from studio.tui.styles import style_of
from studio.tui.widgets.lines import LinesView

LABEL_WIDTH = 16
OTHERS = "others"
_LABELS = {OTHERS: "other settings"}
_ABOUT_OTHERS = "All settings of studio train --settings, as --set takes them, parted by spaces: objective=text seed=1"


@dataclass(frozen=True)
class Field:
    """One setting of the spec; ``choices`` makes it one of them, else its text is typed.

    ``OTHERS`` is the field of all settings that have none of their own.
    """

    name: str
    value: str
    choices: tuple[str, ...] = ()
    note: str = ""

    def settings(self, text: str) -> list[str]:
        """What is entered, as ``--set`` takes it. Raises AskedWrongly where a quote has no end."""
        if self.name != OTHERS:
            return [f"{self.name}={text.strip()}"]
        try:
            return shlex.split(text)
        except ValueError:
            raise AskedWrongly("other settings: a quote has no end.", "Write name=value, parted by spaces.") from None


def fields_of(spec: Spec, names: Sequence[str], *, values: Mapping[str, str], notes: Mapping[str, str]) -> list[Field]:
    """These settings of ``spec`` as fields: each begins as ``values`` has it, else as the spec does.

    Where a run can live in several places, which one is asked too.
    """
    usual = spec.typed()
    if len(spec.choices("place")) > 1:
        names = [*names, "place"]
    return [Field(name, values.get(name, usual[name]), spec.choices(name), notes.get(name, "")) for name in names]


def with_others(spec: Spec, fields: Sequence[Field]) -> tuple[Spec, list[Field]]:
    """``fields`` and one of all other settings, which begins with what ``spec`` has that is not usual; and the spec
    without that, so that what is deleted there is gone.
    """
    usual, own = type(spec).settings(), {field.name for field in fields}
    others = {name: text for name, text in spec.typed().items() if name not in own and text != usual[name][0]}
    text = " ".join(shlex.quote(f"{name}={value}") for name, value in others.items())
    plain = spec.replaced([f"{name}={usual[name][0]}" for name in others])
    return plain, [*fields, Field(OTHERS, text, note="name=value …")]


class Choice(Widget, can_focus=True):
    """One of several words; ``step`` takes the next."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; background: $surface; }
    Choice:focus { background: $studio-cursor; }
    """

    @dataclass
    class Changed(Message):
        """Another word was chosen."""

    def __init__(self, choices: Sequence[str], value: str) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self.value = value

    def step(self, delta: int) -> None:
        at = self._choices.index(self.value) if self.value in self._choices else 0
        self.value = self._choices[(at + delta) % len(self._choices)]
        self.refresh()
        self.post_message(self.Changed())

    def on_click(self) -> None:
        self.step(1)

    def render(self) -> Content:
        if not self._choices:
            return Content.styled(" none", style_of("dim"))
        at = f"  {self._choices.index(self.value) + 1}/{len(self._choices)}" if self.value in self._choices else ""
        return chosen_word(self.value, at, self.size.width)


def chosen_word(value: str, at: str, width: int) -> Content:
    """``‹ value ›`` and ``at`` behind it in ``width`` cells: of a long path the middle is left out."""
    shown = cut_middle(visible(value, single_line=True), max(4, width - len("‹  ›") - len(at)))
    return Content.assemble(
        ("‹ ", style_of("key")), (shown, style_of("bold")), (" ›", style_of("key")), (at, style_of("dim"))
    )


class SpecForm(Vertical):
    """Gets its fields when made; says ``Changed`` whenever one is edited. ``spec`` reads them."""

    DEFAULT_CSS = """
    SpecForm { height: auto; width: 1fr; }
    SpecForm Horizontal { height: 1; }
    SpecForm .label { width: 16; color: $studio-label; }
    SpecForm .refused .label { color: $text-error; text-style: bold; }
    SpecForm .note { width: auto; max-width: 50%; height: 1; padding: 0 1; }
    SpecForm Input { width: 1fr; }
    SpecForm #about { height: 2; margin-top: 1; }
    """

    @dataclass
    class Changed(Message):
        """A field was edited."""

    def __init__(self, base: Spec, fields: Sequence[Field]) -> None:
        super().__init__()
        self._base, self._fields = base, tuple(fields)

    def compose(self) -> ComposeResult:
        for field in self._fields:
            with Horizontal(id=f"row-{field.name}"):
                label = LinesView(classes="label")
                label.lines = [[(_LABELS.get(field.name, field.name), "")]]
                yield label
                if field.choices:
                    yield Choice(field.choices, field.value)
                else:
                    yield Input(field.value, compact=True, select_on_focus=True)
                if field.note:
                    note = LinesView(classes="note")
                    note.lines = [[(field.note, "dim")]]
                    yield note
        yield LinesView(id="about")

    def spec(self) -> Spec:
        """The spec as the form stands. Raises AskedWrongly with the reason, and marks the field it is about."""
        try:
            spec = self._base.replaced([setting for field in self._fields for setting in self._entered(field)])
        except AskedWrongly:
            for field in self._fields:
                self._mark(field, is_refused=self._is_refused(field))
            raise
        for field in self._fields:
            self._mark(field, is_refused=False)
        return spec

    def focus_first(self) -> None:
        self._control(self._fields[0]).focus()

    def step_choice(self, delta: int) -> None:
        focused = self.screen.focused
        if isinstance(focused, Choice):
            focused.step(delta)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.focus_next()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self.post_message(self.Changed())

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        about = self._base.fields() | {OTHERS: _ABOUT_OTHERS}
        for field in self._fields:
            if event.widget is self._control(field):
                self.query_one("#about", LinesView).show([[(about[field.name], "dim")]])

    def _control(self, field: Field) -> Input | Choice:
        row = self.query_one(f"#row-{field.name}")
        return row.query_one(Choice) if field.choices else row.query_one(Input)

    def _mark(self, field: Field, *, is_refused: bool) -> None:
        self.query_one(f"#row-{field.name}").set_class(is_refused, "refused")

    def _entered(self, field: Field) -> list[str]:
        return field.settings(self._control(field).value)

    def _is_refused(self, field: Field) -> bool:
        try:
            self._base.replaced(self._entered(field))
        except AskedWrongly:
            return True
        return False
