"""A form over a spec: one line a setting, a sentence on the one in focus, the reason where a value will not do."""

from __future__ import annotations

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
from studio.runs.specs import Spec
from studio.tui.styles import style_of
from studio.tui.widgets.lines import LinesView

LEAST_LABEL_WIDTH = 16


@dataclass(frozen=True)
class Field:
    """One setting of the spec; ``choices`` makes it one of them, else its text is typed."""

    name: str
    value: str
    choices: tuple[str, ...] = ()
    note: str = ""


def fields_of(spec: Spec, names: Sequence[str], *, values: Mapping[str, str], notes: Mapping[str, str]) -> list[Field]:
    """These settings of ``spec`` as fields: each begins as ``values`` has it, else as the spec does.

    Where a run can live in several places, which one is asked too.
    """
    usual = spec.typed()
    if len(spec.choices("place")) > 1:
        names = [*names, "place"]
    return [Field(name, values.get(name, usual[name]), spec.choices(name), notes.get(name, "")) for name in names]


class Choice(Widget, can_focus=True):
    """One of several words; ``step`` takes the next."""

    DEFAULT_CSS = """
    Choice { height: 1; width: 1fr; background: $surface; }
    Choice:focus { background: $primary 30%; }
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
        return Content.assemble(
            ("‹ ", style_of("key")), (self.value, style_of("bold")), (" ›", style_of("key")), (at, style_of("dim"))
        )


class SpecForm(Vertical):
    """Gets its fields when made; says ``Changed`` whenever one is edited. ``spec`` reads them."""

    DEFAULT_CSS = """
    SpecForm { height: auto; width: 1fr; }
    SpecForm Horizontal { height: 1; }
    SpecForm .label { color: $foreground 70%; }
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
        width = max(LEAST_LABEL_WIDTH, *(len(field.name) + 1 for field in self._fields))
        for field in self._fields:
            with Horizontal(id=f"row-{field.name}"):
                label = LinesView(classes="label")
                label.lines = [[(field.name, "")]]
                label.styles.width = width
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
        settings = {field: f"{field.name}={self._control(field).value.strip()}" for field in self._fields}
        try:
            spec = self._base.replaced(list(settings.values()))
        except AskedWrongly:
            for field, setting in settings.items():
                self._mark(field, is_refused=self._is_refused(setting))
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
        about = self._base.fields()
        for field in self._fields:
            if event.widget is self._control(field):
                self.query_one("#about", LinesView).show([[(about[field.name], "dim")]])

    def _control(self, field: Field) -> Input | Choice:
        row = self.query_one(f"#row-{field.name}")
        return row.query_one(Choice) if field.choices else row.query_one(Input)

    def _mark(self, field: Field, *, is_refused: bool) -> None:
        self.query_one(f"#row-{field.name}").set_class(is_refused, "refused")

    def _is_refused(self, setting: str) -> bool:
        try:
            self._base.replaced([setting])
        except AskedWrongly:
            return True
        return False
