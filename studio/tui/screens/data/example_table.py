"""The table of examples over a vector of ids: only the rows in sight, and a page around them, are ever fetched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from studio.reports.cells import fit
from studio.tui import styles
from studio.tui.messages import CursorMoved, PreviewsRequested
from studio.tui.screens.data.columns import FIRST, GUTTER, Column, Layout, laid_out, words_of
from studio.tui.screens.data.shared_starts import SharedStarts

if TYPE_CHECKING:
    from studio.dataset.examples import ExampleIds, Preview

KEPT_PREVIEWS = 4_000
GLOW_SECONDS = 1.5
GLYPHS = {"accept": "✓", "reject": "✗", "skip": "–", "none": "·"}
GLYPH_STYLES = {"accept": "accept", "reject": "reject", "skip": "skip", "none": "faint"}


class ExampleTable(ScrollView, can_focus=True, inherit_bindings=False):
    """``show`` sets the rows; ``put`` brings previews it asked for; the cursor is a position and a column."""

    COMPONENT_CLASSES = {"cursor", "cursor-blurred"}  # noqa: RUF012 - Textual's own way to declare them
    DEFAULT_CSS = """
    ExampleTable { overflow-x: hidden; overflow-y: scroll; }
    """

    @dataclass
    class Entered(Message):
        """A row was clicked while the cursor stood on it."""

        example_id: int

    @dataclass
    class HeadingEntered(Message):
        """A heading was clicked while the cursor stood in its column."""

        column: str

    def __init__(self) -> None:
        super().__init__(classes="panel")
        self.ids: Sequence[int] | ExampleIds = ()
        self.cursor = 0
        self.columns: tuple[Column, ...] = FIRST
        self.column = 3
        self._first_column = 0
        self.selected: set[int] = set()
        self.sort: tuple[tuple[str, bool], ...] = ()
        self.max_length = 0
        self._previews: dict[int, Preview] = {}
        self._asked: set[int] = set()
        self._stale: set[int] = set()
        self._id_cells = 3
        self._shared = SharedStarts()
        self._range_start: int | None = None
        self._nothing: list[tuple[str, str]] = []
        self._glowing: frozenset[int] = frozenset()

    # -- data in

    def show(self, ids: Sequence[int] | ExampleIds, cursor: int = 0, largest_id: int = 0) -> None:
        """Another view: these ids in this order, with the cursor at a position."""
        self.ids = ids
        self._id_cells = max(3, len(str(largest_id)))
        self._range_start = None
        self.virtual_size = Size(0, len(ids) + 1)  # + 1: the heading, which does not scroll
        self.cursor = -1
        self.move_to(cursor)
        self.refresh()

    def show_nothing(self, lines: list[tuple[str, str]]) -> None:
        """(words, style name) lines that stand in place of rows when there are none."""
        self._nothing = lines
        self.refresh()

    def put(self, previews: Iterable[Preview]) -> None:
        brought = list(previews)
        for preview in brought:
            self._previews[preview.example_id] = preview
            self._asked.discard(preview.example_id)
            self._stale.discard(preview.example_id)
        while len(self._previews) > KEPT_PREVIEWS:
            self._previews.pop(next(iter(self._previews)))
        if self._shared.add(brought):
            self.refresh()
        else:
            self._refresh_ids({preview.example_id for preview in brought})

    def forget(self, ids: Iterable[int] | None = None) -> None:
        """Fetch these rows (all: None) anew when they are next in sight; until then they stand as they were."""
        self._stale.update(self._previews if ids is None else map(int, ids))
        self._asked.clear()
        self._ask()

    def glow(self, ids: Iterable[int]) -> None:
        """Let these rows stand out for a moment: somebody else has changed them."""
        self._glowing |= set(map(int, ids))
        self._refresh_ids(self._glowing)
        self.set_timer(GLOW_SECONDS, partial(self._fade, self._glowing))

    def _fade(self, ids: frozenset[int]) -> None:
        self._glowing -= ids
        self._refresh_ids(ids)

    # -- what it knows

    @property
    def cursor_id(self) -> int | None:
        return int(self.ids[self.cursor]) if 0 <= self.cursor < len(self.ids) else None

    @property
    def column_name(self) -> str:
        return self.columns[self.column].name

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(1, self.scrollable_content_region.height - 1)

    @property
    def is_in_sight(self) -> bool:
        """False behind the reader: it then has no height, and scrolls when it is seen again."""
        return self.scrollable_content_region.height > 0

    def preview(self, example_id: int) -> Preview | None:
        return self._previews.get(example_id)

    # -- moves

    def move(self, rows: int) -> None:
        self.move_to(self.cursor + rows)

    def move_to(self, position: int) -> None:
        position = max(0, min(position, len(self.ids) - 1))
        before, top, page = self.cursor, round(self.scroll_offset.y), self.page
        if position != self.cursor:
            self.cursor = position
            self._extend_range()
        if self.is_in_sight and (position < top or position >= top + page):
            centred = (
                position - page // 2 if abs(position - top) > 2 * page else position - (page - 1) * (position > top)
            )
            self.scroll_to(y=max(0, centred), animate=False, force=True)
        self._ask()
        if self.is_ranging:
            self.refresh()
        else:
            self._refresh_rows([before, self.cursor])
        self.screen.post_message(CursorMoved(self.cursor_id))  # by way of this widget it would miss the next frame

    def move_column(self, columns: int) -> None:
        self.move_to_column(self.column + columns)

    def move_to_column(self, index: int) -> None:
        self.column = max(0, min(index, len(self.columns) - 1))
        self._first_column = self._layout().first
        self.refresh()

    def show_columns(self, columns: tuple[Column, ...], column: str) -> None:
        """Other columns, with the cursor in the one named, or where that is not shown as near as can be."""
        names = [one.name for one in columns]
        self.columns = columns
        self.move_to_column(names.index(column) if column in names else self.column)

    @property
    def cells(self) -> int:
        """How wide the cursor's column is drawn."""
        return next((one.cells for one in self._layout().placed if one.index == self.column), 1)

    def toggle(self) -> None:
        """Select the cursor's row, or unselect it."""
        if self.cursor_id is not None:
            self.selected ^= {self.cursor_id}
            self._refresh_rows([self.cursor])

    def select(self, ids: set[int]) -> None:
        """Select these rows and no other."""
        self.selected = ids
        self.refresh()

    def toggle_range(self) -> None:
        """Begin a range at the cursor, or end the one begun."""
        self._range_start = self.cursor if self._range_start is None else None
        self._extend_range()
        self.refresh()

    @property
    def is_ranging(self) -> bool:
        return self._range_start is not None

    def clear_selection(self) -> bool:
        """Select nothing; whether anything was selected."""
        had = bool(self.selected) or self.is_ranging
        self.selected, self._range_start = set(), None
        self.refresh()
        return had

    def _refresh_rows(self, positions: Iterable[int]) -> None:
        """Draw these rows again, those that are in sight; a scroll draws all by itself."""
        top, page = round(self.scroll_offset.y), self.page
        lines = [position - top + 1 for position in positions if top <= position < top + page]
        if lines:
            self.refresh(*(Region(0, line, self.size.width, 1) for line in lines))

    def _refresh_ids(self, ids: Collection[int]) -> None:
        top = round(self.scroll_offset.y)
        in_sight = self.ids[top : top + self.page]
        self._refresh_rows([top + line for line, one in enumerate(in_sight) if int(one) in ids])

    def _extend_range(self) -> None:
        if self._range_start is not None:
            first, last = sorted((self._range_start, self.cursor))
            self.selected |= {int(example_id) for example_id in self.ids[first : last + 1]}

    def _ask(self) -> None:
        top, page = round(self.scroll_offset.y) if self.is_in_sight else self.cursor, self.page
        around = self.ids[max(0, top - page) : top + 2 * page]
        missing = (int(i) for i in around if int(i) not in self._previews or int(i) in self._stale)
        if wanted := [example_id for example_id in missing if example_id not in self._asked]:
            self._asked.update(wanted)
            self.post_message(PreviewsRequested(wanted))

    # -- events

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._ask()

    def on_resize(self) -> None:
        if len(self.ids):
            self.move_to(self.cursor)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_heading(offset.x)
            return
        position = round(self.scroll_offset.y) + offset.y - 1
        if position == self.cursor and self.cursor_id is not None:
            self.post_message(self.Entered(self.cursor_id))
        elif position < len(self.ids):
            self.move_to(position)

    def _click_heading(self, x: int) -> None:
        index = self._layout().column_at(x)
        if index == self.column:
            self.post_message(self.HeadingEntered(self.column_name))
        elif index is not None:
            self.move_to_column(index)

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if y == 0:
            return self._heading(width).apply_style(base)
        if not len(self.ids):
            return self._nothing_line(y - 2, width).apply_style(base)
        position = round(self.scroll_offset.y) + y - 1
        if position >= len(self.ids):
            return Strip.blank(width, base)
        strip = self._row(int(self.ids[position]), position == self.cursor, width)
        if position == self.cursor:
            name = "cursor" if self.has_focus else "cursor-blurred"
            base += self.get_component_rich_style(name)
        return strip.apply_style(base)

    def _layout(self) -> Layout:
        width = self.scrollable_content_region.width
        return laid_out(self.columns, width, self._id_cells, self.column, self._first_column)

    def _heading(self, width: int) -> Strip:
        layout = self._layout()
        directions = {name: ("▾" if is_down else "▴") for name, is_down in self.sort}
        segments = [Segment(("‹" if layout.has_left else "").ljust(GUTTER), self._style("dim"))]
        for placed in layout.placed:
            column = placed.column
            words = "" if column.name == "label" else column.heading
            words += directions.get(column.name, "")
            here = self._style("title") + Style(underline=True) if placed.index == self.column else self._style("dim")
            words = fit(words, placed.cells, "right" if column.is_number else "left")
            segments += [Segment(words, here), Segment(" ")]
        strip = Strip(segments[:-1]).adjust_cell_length(width)
        if not layout.has_right:
            return strip
        return Strip([*strip.crop(0, width - 1), Segment("›", self._style("dim"))])

    def _row(self, example_id: int, is_cursor: bool, width: int) -> Strip:
        preview = self._previews.get(example_id)
        is_selected = example_id in self.selected
        segments = [
            Segment("▸" if is_cursor else "~" if example_id in self._glowing else " ", self._style("title")),
            Segment("▪" if is_selected else " ", self._style("mark")),
        ]
        if preview is None:
            return Strip(
                [*segments, Segment(fit(str(example_id), self._id_cells, "right"), self._style("faint"))]
            ).adjust_cell_length(width)
        name = "dim" if preview.label == "reject" else "bold" if is_cursor else "plain"
        text_style = self._style("title" if example_id in self._glowing else name)
        for placed in self._layout().placed:
            segments += [*self._cell(preview, placed.column, placed.cells, text_style), Segment(" ")]
        return Strip(segments[:-1]).adjust_cell_length(width)

    def _cell(self, preview: Preview, column: Column, cells: int, text_style: Style) -> list[Segment]:
        match column.name:
            case "label":
                mark = fit("◆" if preview.is_marked else "", max(0, cells - 2))
                return [
                    Segment(fit(GLYPHS[preview.label] + " ", min(cells, 2)), self._style(GLYPH_STYLES[preview.label])),
                    Segment(mark, self._style("mark")),
                ]
            case "prompt":
                return [Segment(fit(self._told_apart(preview), cells), text_style)]
            case "completion":
                return [Segment(fit(preview.completion, cells), text_style)]
            case "total_tokens":
                return [self._tokens(preview.total_tokens, cells)]
            case "is_marked":
                return [Segment(fit(words_of(preview, "is_marked", cells), cells), self._style("mark"))]
            case name:
                words = fit(words_of(preview, name, cells), cells, "right" if column.is_number else "left")
                return [Segment(words, self._style("dim"))]

    def _told_apart(self, preview: Preview) -> str:
        shared = self._shared.of(preview.task)
        return f"… {preview.prompt[shared:].lstrip()}" if shared and len(preview.prompt) > shared else preview.prompt

    def _tokens(self, total: int | None, cells: int) -> Segment:
        if total is None:
            return Segment(fit("", cells, "right"))
        if self.max_length and total > self.max_length:
            return Segment(fit(f"{total:,}▲", cells, "right"), self._style("warn"))
        return Segment(fit(f"{total:,}", cells, "right"), self._style("dim"))

    def _nothing_line(self, index: int, width: int) -> Strip:
        if not 0 <= index < len(self._nothing):
            return Strip.blank(width)
        words, name = self._nothing[index]
        return Strip([Segment("   " + words, self._style(name))]).adjust_cell_length(width)

    def _style(self, name: str) -> Style:
        return styles.style(self.app, name)
