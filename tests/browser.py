"""A page opened in Chromium without a window: what the browser makes of it, by its debugging protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


@dataclass
class Seen:
    """What a browser made of a page. ``complaints`` are console messages and errors, ``requests`` what it fetched."""

    page_width: int
    content_width: int
    background: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class Browser:
    """One process; each look is a page of its own."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._number, self._rest = 0, b""
        self._events: list[dict[str, Any]] = []

    def look(self, page: Path, width: int, scheme: str, picture: Path | None = None) -> Seen:
        """Open ``page`` ``width`` pixels wide in the colour scheme ``light`` or ``dark``."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self._call(f"{domain}.enable", session)
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", session, **metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", session, features=features)
        self._events.clear()
        self._call("Page.navigate", session, url=page.as_uri())
        self._wait("Page.loadEventFired")
        measure = (
            "JSON.stringify([innerWidth, document.documentElement.scrollWidth,"
            " getComputedStyle(document.body).backgroundColor])"
        )
        told = self._call("Runtime.evaluate", session, expression=measure)["result"]["value"]
        if picture is not None:
            shot = self._call("Page.captureScreenshot", session, captureBeyondViewport=True)
            picture.write_bytes(base64.b64decode(shot["data"]))
        seen = Seen(*json.loads(told))
        for event in self._events:
            match event["method"]:
                case "Log.entryAdded":
                    seen.complaints.append(event["params"]["entry"]["text"])
                case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                    seen.complaints.append(json.dumps(event["params"])[:200])
                case "Network.requestWillBeSent":
                    seen.requests.append(event["params"]["request"]["url"])
        self._call("Target.closeTarget", targetId=target)
        return seen

    def _call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        os.write(self._write, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            if "method" in answer:
                self._events.append(answer)

    def _wait(self, method: str) -> None:
        while not any(event["method"] == method for event in self._events):
            if "method" in (message := self._next()):
                self._events.append(message)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._read, 1 << 20)
            if not more:
                raise RuntimeError("the browser has ended")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps what it keeps in ``folder``."""
    to_it, from_it = os.pipe(), os.pipe()
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    command = f'exec "$0" {flags} --remote-debugging-pipe --user-data-dir="$1" 3<&{to_it[0]} 4>&{from_it[1]}'
    process = subprocess.Popen(
        [
            "bash",
            "-c",  # which knows descriptors of two digits
            command,
            CHROMIUM,
            str(folder),
        ],
        pass_fds=(to_it[0], from_it[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (to_it[0], from_it[1]):
        os.close(end)
    try:
        yield Browser(from_it[0], to_it[1])
    finally:
        process.kill()
        process.wait()
        for end in (to_it[1], from_it[0]):
            os.close(end)
