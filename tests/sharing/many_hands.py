"""One pair of hands: a process that works on rows of its own in a store that others have open, and writes down each act
before it asks for it and again when it is acknowledged. Killed at any moment it goes on from what it wrote down.

    python -m tests.sharing.many_hands STORE JOURNAL WHO ACTS SEED
"""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.dataset.formats.reading import Candidate
from studio.dataset.store import Store
from studio.sharing.opening import open_store

ROWS_EACH = 40
LABELS = ("accept", "reject", "skip")

# label (ids, word), import (name, count), undo, redo
Act = tuple[str, list[int], str, int]


@dataclass
class Model:
    """What the store must hold of one person's rows, and what undo and redo step through."""

    labels: dict[int, str]
    imports: dict[str, int] = field(default_factory=dict)
    done: list[Act] = field(default_factory=list)
    undone: list[Act] = field(default_factory=list)

    def after(self, act: Act) -> Model:
        done, undone = list(self.done), list(self.undone)
        match act[0]:
            case "undo":
                undone.append(done.pop())
            case "redo":
                done.append(undone.pop())
            case _:
                done.append(act)
                undone.clear()
        return self.of(sorted(self.labels), done, undone)

    @classmethod
    def of(cls, ids: list[int], done: list[Act], undone: list[Act]) -> Model:
        labels, imports = dict.fromkeys(ids, "none"), {}
        for kind, chosen, word, count in done:
            if kind == "label":
                labels |= dict.fromkeys(chosen, word)
            else:
                imports[word] = count
        return cls(labels, imports, done, undone)

    def is_in(self, store: Store, who: str) -> bool:
        """Whether all of it is there, and nothing else of this person's."""
        there = {one.example_id: one.label for one in store.examples(list(self.labels))}
        rows = store.values("source", f"starts_with(source, '{who}-')", most=100_000).found
        return there == self.labels and {str(source): count for source, count in rows} == self.imports


def next_act(model: Model, chance: random.Random, who: str, number: int) -> Act:
    """Any act that changes something."""
    kinds = ["label"] * 4 + ["bulk", "import"] + ["undo"] * bool(model.done) * 2 + ["redo"] * bool(model.undone)
    kind = chance.choice(kinds)
    if kind in ("undo", "redo"):
        return kind, [], "", 0
    if kind == "import":
        return kind, [], f"{who}-{number}", chance.choice([1, 30, 2_500])
    ids = sorted(model.labels) if kind == "bulk" else [chance.choice(sorted(model.labels))]
    return "label", ids, chance.choice([word for word in LABELS if word != model.labels[ids[0]]]), 0


def do(store: Store, act: Act) -> None:
    kind, ids, word, count = act
    match kind:
        case "label":
            assert store.set_label(ids, word).count, f"{act} changed nothing: it was done before it was asked for"
        case "import":
            added = store.add([Candidate(f"{word} {row}", "c") for row in range(count)], word)
            assert added.added == count, f"{act} added {added}: part of it was there"
        case _:
            assert (store.undo() if kind == "undo" else store.redo()) is not None, f"nothing to {kind}"


def replayed(journal: Path, ids: list[int]) -> tuple[Model, Act | None, int]:
    """The model of what was acknowledged, the act that was asked for and not acknowledged, and the next number."""
    model, pending, number = Model.of(ids, [], []), None, 0
    for line in journal.read_text().splitlines() if journal.exists() else ():
        said = json.loads(line)
        number = said["number"] + 1
        if "act" in said:
            kind, chosen, word, count = said["act"]
            pending = (kind, chosen, word, count)
        elif pending is not None:
            model = model.after(pending) if said["is_done"] else model
            pending = None
    return model, pending, number


def main() -> None:
    path, journal, who, acts, seed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
    place = int(who.removeprefix("hand"))
    ids = list(range(1 + place * ROWS_EACH, 1 + (place + 1) * ROWS_EACH))
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(**said: Any) -> None:
        os.write(file, (json.dumps(said) + "\n").encode())

    with open_store(path, who) as store:
        model, pending, number = replayed(journal, ids)
        if pending is not None:  # killed in the middle: all of that act or none
            is_done = model.after(pending).is_in(store, who)
            assert is_done or model.is_in(store, who), f"{who}: half of {pending} is there, or something was lost"
            write(number=number, is_done=is_done)
            model = model.after(pending) if is_done else model
        assert model.is_in(store, who), f"{who}: what was acknowledged is not there"
        chance = random.Random(f"{seed} {number}")
        while number < acts:
            number += 1
            act = next_act(model, chance, who, number)
            write(number=number, act=act)
            do(store, act)
            write(number=number, is_done=True)
            model = model.after(act)
        assert model.is_in(store, who), f"{who}: what was acknowledged is not there"
    print("done", flush=True)


if __name__ == "__main__":
    main()
