"""One HTTP request at a time over the standard library's client: proxies of the environment, a deadline, no redirects.

``http.client`` and not a package: requests here are one kind of POST, and what matters (when the first byte came,
whether a body was cut short, that a server that drips is given up) is nearest to the socket.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

Response = http.client.HTTPResponse
_DRAIN_SECONDS, _DRAIN_BYTES = 0.2, 1 << 16


class Connection:
    """A connection that is kept open between requests; of one thread, but ``cut`` may come from another."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._parts = urlsplit(url)
        self._timeout = timeout_seconds
        self._open: http.client.HTTPConnection | None = None
        self._is_late = False

    @contextmanager
    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Iterator[Response]:
        """The answer to one POST, read within the timeout.

        Raises TimeoutError where it takes longer, however it is spread; OSError or http.client.HTTPException where the
        connection fails. The connection is only kept where all of the answer was read.
        """
        self._is_late = False
        deadline = threading.Timer(self._timeout, self._end)
        deadline.daemon = True
        deadline.start()
        try:
            with self._sent(path, body, headers) as response:
                yield response
                self._drain(response)
        except (OSError, http.client.HTTPException) as error:
            self.cut()
            if self._is_late or isinstance(error, TimeoutError):  # whichever clock is first, the socket's own or ours
                raise TimeoutError(f"no whole answer within {self._timeout:g} s") from error
            raise
        except BaseException:
            self.cut()
            raise
        finally:
            deadline.cancel()

    def hurry(self, seconds: float) -> None:
        """What is under way ends after so many seconds more, as where the server has said all and goes on silently."""
        ending = threading.Timer(seconds, self._shut, [self._open])
        ending.daemon = True
        ending.start()

    def _drain(self, response: Response) -> None:
        """Read what is left of an answer of which enough is known, if it is there at once."""
        if response.isclosed() or self._open is None or self._open.sock is None:
            return
        self._open.sock.settimeout(_DRAIN_SECONDS)
        with contextlib.suppress(OSError, http.client.HTTPException):
            response.read(_DRAIN_BYTES)
        if not response.isclosed():
            self.cut()

    def cut(self) -> None:
        """End the connection, whatever is under way on it."""
        opened, self._open = self._open, None
        self._shut(opened)
        if opened is not None:
            opened.close()

    def _end(self) -> None:
        self._is_late = True
        self._shut(self._open)

    def _shut(self, opened: http.client.HTTPConnection | None) -> None:
        if opened is not None and opened.sock is not None:
            with contextlib.suppress(OSError):
                opened.sock.shutdown(socket.SHUT_RDWR)  # whoever reads wakes up

    def _sent(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        is_kept = self._open is not None
        try:
            return self._request(path, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected, http.client.BadStatusLine):
            if not is_kept or self._is_late:
                raise
            self.cut()  # a server may close what was kept open; that is no answer
            return self._request(path, body, headers)

    def _request(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        if self._open is None:
            self._open = self._connected()
        target = f"{self._parts.path.rstrip('/')}{path}"
        if self._proxy and self._parts.scheme == "http":
            target = f"http://{self._parts.netloc}{target}"
        if self._open.sock is not None:
            self._open.sock.settimeout(self._timeout)
        self._open.request("POST", target, body, dict(headers))
        return self._open.getresponse()

    @property
    def _proxy(self) -> str:
        """Host and port of the proxy that the environment names for this server, empty for none."""
        host = self._parts.hostname or ""
        if urllib.request.proxy_bypass(host):
            return ""
        named = urllib.request.getproxies().get(self._parts.scheme, "")
        return urlsplit(named if "//" in named else f"//{named}").netloc.rpartition("@")[2]

    def _connected(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        own = self._parts.netloc
        made = kind(self._proxy or own, timeout=self._timeout)
        if self._proxy and self._parts.scheme == "https":
            made.set_tunnel(own)
        return made
