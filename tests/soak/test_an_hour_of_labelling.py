"""An hour's work by keys, in sixty lives or so that SIGKILL ends: what the screen called saved is saved."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from studio.dataset.store import Store
from studio.project import Project
from tests.soak.sitting import Sitting
from tests.tui.data_story import project_with, tickets

ROWS, DECISIONS = 1_000, 3_600
ACTS_A_LIFE = (40, 81)
FEWEST = 30  # rows of a view that is worth working in
UNDONE, REDONE = "undone: ", "done again: "
KEYS = {"accept": "a", "reject": "x", "skip": "s"}


@dataclass(frozen=True)
class Row:
    label: str
    prompt: str


@dataclass(frozen=True)
class Act:
    """One decision: what a row becomes, and what the status line says when it is saved."""

    example_id: int
    before: Row
    after: Row
    words: str


@dataclass
class Desk:
    """What the store must hold: rows, and the acts that undo and redo step through."""

    rows: dict[int, Row]
    done: list[Act] = field(default_factory=list)
    undone: list[Act] = field(default_factory=list)

    def copy(self) -> Desk:
        return Desk(dict(self.rows), list(self.done), list(self.undone))

    def do(self, act: Act) -> None:
        self.rows[act.example_id] = act.after
        self.done.append(act)
        self.undone.clear()

    def undo(self) -> int:
        act = self.done.pop()
        self.rows[act.example_id] = act.before
        self.undone.append(act)
        return act.example_id

    def redo(self) -> int:
        act = self.undone.pop()
        self.rows[act.example_id] = act.after
        self.done.append(act)
        return act.example_id


class Labeller:
    """A person who never tires. Knows the view and the cursor as a person would, and what was said to be saved."""

    def __init__(self, sitting: Sitting, desk: Desk, chance: random.Random) -> None:
        self._sitting, self.desk, self._chance = sitting, desk, chance
        self._condition: Callable[[int, Row], bool] = lambda example_id, row: True
        self._view, self._cursor = self._found(), 0
        self.acknowledged = 0
        sitting.sees("labelled")

    def work(self, acts: int) -> None:
        """So many decisions, each of which waits until it is said to be saved."""
        until = self.acknowledged + acts
        while self.acknowledged < until:
            match self._chance.choices(("label", "undo", "redo", "edit", "look"), (80, 6, 4, 5, 5))[0]:
                case "label":
                    self._wait_for(self.type_label())
                case "undo" if self.desk.done and UNDONE not in self._sitting.status:
                    self._step("u", UNDONE, self.desk.undo)
                case "redo" if self.desk.undone and REDONE not in self._sitting.status:
                    self._step("R", REDONE, self.desk.redo)
                case "edit":
                    self._wait_for(self.type_edit())
                    self._sitting.rest(0.2)  # until the dialog is gone
                    self._go_to((self._cursor + 1) % len(self._view))  # else the next edit had the same words
                case "look":
                    self._filter()

    def type_label(self) -> Act:
        """Press a key that labels the cursor's row, and do not wait."""
        if self._cursor == len(self._view) - 1:
            self._go_to(0)
        example_id = self._view[self._cursor]
        before = self.desk.rows[example_id]
        label = self._chance.choice([label for label in KEYS if label != before.label])
        act = self._act(example_id, before, replace(before, label=label), label)
        self._sitting.press(KEYS[label])
        self._cursor += 1
        return act

    def type_edit(self) -> Act:
        """Type in front of the prompt of the cursor's row and save, and do not wait."""
        example_id = self._view[self._cursor]
        before = self.desk.rows[example_id]
        typed = "".join(self._chance.choices(string.ascii_lowercase, k=5)) + " "
        act = self._act(example_id, before, replace(before, prompt=typed + before.prompt), "edited")
        self._sitting.press("e")
        self._sitting.sees(f"edit · row {example_id} ")
        self._sitting.press(typed + "\x13")  # ctrl+s
        return act

    def _act(self, example_id: int, before: Row, after: Row, what: str) -> Act:
        words = f"{what} · 1 of {len(self._view):,} · row {example_id} · saved"
        assert words not in self._sitting.status, "what is said already could not be told from what is said again"
        return Act(example_id, before, after, words)

    def _wait_for(self, act: Act) -> None:
        self._sitting.sees(act.words)
        self.desk.do(act)
        self.acknowledged += 1

    def _step(self, key: str, words: str, change: Callable[[], int]) -> None:
        self._sitting.press(key)
        self._sitting.sees(words)
        changed = change()
        self.acknowledged += 1
        self._sitting.rest(0.2)  # the cursor goes to the row that changed
        if changed not in self._view:  # then the rows are sought anew, and those that no longer belong are gone
            self._view = self._found()
        if len(self._view) < FEWEST:
            self._filter()
        self._go_to(self._chance.randrange(min(20, len(self._view) - 1)))

    def _go_to(self, position: int) -> None:
        """By keys: to the first row, then down."""
        self._sitting.press("g" + "j" * position)
        self._cursor = position

    def _filter(self) -> None:
        """All rows again, then other ones; the view is what the filter finds now, also when labels change later."""
        first, label = self._chance.randrange(1, ROWS - 100), self._chance.choice(("none", *KEYS))
        self._show(f"example_id >= {first}", lambda example_id, row: example_id >= first)
        self._show(
            f"label = '{label}' and example_id > {first}",
            lambda example_id, row: row.label == label and example_id > first,
        )

    def _show(self, condition: str, belongs: Callable[[int, Row], bool]) -> None:
        if sum(belongs(example_id, row) for example_id, row in self.desk.rows.items()) < FEWEST:
            return
        self._sitting.press("r")
        self._sitting.sees("─ examples ─")
        self._sitting.rest(0.3)
        self._sitting.press("f")
        self._sitting.sees("task = 'tickets' and")  # the hint: the line is open
        self._sitting.rest(0.2)
        self._sitting.press(condition + "\r")
        self._sitting.sees(f"─ examples · {condition} ─")
        self._sitting.rest(0.2)
        self._condition = belongs
        self._view = self._found()
        self._go_to(0)

    def _found(self) -> list[int]:
        return [example_id for example_id, row in sorted(self.desk.rows.items()) if self._condition(example_id, row)]


def test_no_decision_that_was_said_to_be_saved_is_lost_however_often_the_studio_is_killed(tmp_path: Path) -> None:
    chance = random.Random(2026)
    project = project_with(tmp_path / "desk", tickets(ROWS))
    desk = Desk(rows_in(project))
    saved = lives = kept = never = 0
    while saved < DECISIONS:
        sitting = Sitting(project.root, tmp_path / "cache")
        labeller = Labeller(sitting, desk, chance)
        labeller.work(chance.randrange(*ACTS_A_LIFE))
        in_flight = press_on(labeller, chance)
        sitting.rest(chance.choice((0.0, 0.005, 0.02, 0.05)))
        sitting.kill()
        seen = max((at for at, act in enumerate(in_flight, start=1) if act.words in sitting.status), default=0)
        desk, there = state_after(desk, in_flight, seen, rows_in(project))
        saved, lives = saved + labeller.acknowledged + seen, lives + 1
        kept, never = kept + there - seen, never + len(in_flight) - there
        print(f"life {lives}: {saved} decisions acknowledged so far")
    print(f"\n{saved} decisions acknowledged in {lives} lives, 0 lost; in flight: {kept} kept, {never} never begun")


def press_on(labeller: Labeller, chance: random.Random) -> list[Act]:
    """Keys whose answer nobody waits for: the kill comes among them."""
    if chance.random() < 0.15:
        return [labeller.type_edit()]
    return [labeller.type_label() for _ in range(chance.randrange(4))]


def state_after(desk: Desk, acts: Sequence[Act], seen: int, there: dict[int, Row]) -> tuple[Desk, int]:
    """What the store went on to: how many of the acts in flight it holds, at least those that were ``seen`` as saved.

    They are kept in order: any number from the first on, and each whole.
    """
    after = desk
    for count in range(len(acts) + 1):
        if count:
            after = after.copy()
            after.do(acts[count - 1])
        if count >= seen and after.rows == there:
            return after, count
    wanted = {act.example_id: act.after for act in acts[:seen]}
    lost = [one for one, row in (desk.rows | wanted).items() if there[one] != row]
    pytest.fail(
        "; ".join(f"row {one} was {desk.rows[one]}, then {wanted.get(one)}; {there[one]} is there" for one in lost)
    )


def rows_in(project: Project) -> dict[int, Row]:
    with Store.open(project.store_path, "test") as store:
        return {row.example_id: Row(row.label, row.prompt) for row in store.examples(store.view_ids())}


pytestmark = pytest.mark.soak
