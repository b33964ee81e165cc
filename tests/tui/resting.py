"""When an app under test rests: every message is answered, every callback has run, every thread is done, all is drawn.

Textual's own way is to sleep until the process needs next to no processor time. That takes 40 ms a key on an idle
machine, and on a busy one it takes a process that gets no time for one that has nothing to do.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

UNAWAITED = ("tokens of all", "demo")  # they may take long, and then no story needs their end
SHORTLY_SECONDS, GLANCE_SECONDS = 0.04, 0.002
LONG_SECONDS = 30.0


async def drained(*_: float) -> None:
    """Until the loop has nothing to do at once; what waits for a time to come is not waited for."""
    loop = asyncio.get_running_loop()
    empty = 0
    while empty < 3:
        await asyncio.sleep(0)
        empty = 0 if loop._ready else empty + 1  # type: ignore[attr-defined]


async def settle(pilot: Pilot[None]) -> None:
    """Until the threads have answered, what waits for the keys to rest is done, and all of it is drawn.

    Quiet twice in a row: the first pass may have let something begin.
    """
    quiet = 0
    while quiet < 2:
        before = pilot.app.screen
        await pilot.pause()
        is_changing = await threads_answered(pilot.app) or pilot.app.screen is not before or _is_to_be_drawn(pilot.app)
        if not is_changing and getattr(pilot.app.screen, "is_waiting", False):
            is_changing = True
            await asyncio.sleep(GLANCE_SECONDS)
        quiet = 0 if is_changing else quiet + 1


async def resize(pilot: Pilot[None], size: tuple[int, int]) -> None:
    """Another size of the terminal: Textual waits a moment for whoever is still pulling at the window."""
    await pilot.resize_terminal(*size)
    pilot.app._check_resize()
    await settle(pilot)


async def threads_answered(app: App[None]) -> bool:
    """Wait for what was asked in threads; whether there was anything."""
    await drained()
    while getattr(app, "is_looking", False):
        await asyncio.sleep(GLANCE_SECONDS)
        await drained()
    asked = [worker for worker in app.workers if not worker.is_finished]
    waiting = [worker for worker in asked if worker.group not in UNAWAITED]
    await asyncio.gather(*(worker.wait() for worker in waiting), return_exceptions=True)
    if others := [worker._task for worker in asked if worker.group in UNAWAITED and worker._task is not None]:
        done, _ = await asyncio.wait(others, timeout=SHORTLY_SECONDS)
        return bool(waiting or done)
    return bool(waiting)


def _is_to_be_drawn(app: App[None]) -> bool:
    screen = app.screen
    return bool(screen._layout_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks)


def rest_without_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pilot's keys and pauses end as soon as the app has nothing to do.

    A frame is drawn where a story rests, and not sixty times a second besides: that was half of the suite's time.
    """
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", LONG_SECONDS)
    monkeypatch.setattr(Stylesheet, "_parse_rules", _parsed_once)
    for module in ("app", "pilot"):
        monkeypatch.setattr(f"textual.{module}.wait_for_idle", drained)


_parse = Stylesheet._parse_rules
_parsed: dict[Any, Any] = {}


def _parsed_once(sheet: Stylesheet, *what: Any, **named: Any) -> Any:
    """The rules of a style sheet: every app has the same, and nothing changes them."""
    key = (frozenset(sheet._variables.items()), *what, *named.items())
    if key not in _parsed:
        _parsed[key] = _parse(sheet, *what, **named)
    return _parsed[key]
