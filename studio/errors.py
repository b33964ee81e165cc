"""What can go wrong, said so that a person knows what to do next.

Caught in three places only: the app (``tui/app.py``), the verbs (``cli``) and each run process's ``main``.
"""

from __future__ import annotations


class StudioError(Exception):
    """Something a person must know about: what happened (with the actual value), then the next key or command."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class AskedWrongly(StudioError):
    """The request itself cannot be carried out as written: an unknown key, a bad number, a missing file."""

    exit_code = 2


class StoreHeld(StudioError):
    """Another process has the store open; ``pid`` is its process id, or None where DuckDB did not name it."""

    def __init__(self, message: str, hint: str = "", pid: int | None = None) -> None:
        super().__init__(message, hint)
        self.pid = pid


class StoreTooNew(StudioError):
    """The store was written by a newer studio than this one."""
