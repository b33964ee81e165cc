"""Undo and redo where there must be a change to take back, or to do again."""

from studio.dataset.store import Change, Store


def undone(store: Store) -> Change:
    change = store.undo()
    assert change is not None, "nothing to undo"
    return change


def redone(store: Store) -> Change:
    change = store.redo()
    assert change is not None, "nothing to redo"
    return change
