"""The screens live as long as their terminal: there has to be one, and the studio ends when it is gone."""

from __future__ import annotations

import os
import select
import signal
import threading

from studio.errors import AskedWrongly

_STREAMS = ("input", "output", "error")


def refuse_without_terminal() -> None:
    """Raise AskedWrongly where keys cannot come from a terminal, or the screens not go to one that they can draw on."""
    for descriptor, name in enumerate(_STREAMS):
        if not os.isatty(descriptor):
            raise AskedWrongly(
                f"studio needs a terminal: its standard {name} is none.", "Verbs work without one: studio --help"
            )
    term = os.environ.get("TERM", "")
    if term in ("", "dumb"):
        raise AskedWrongly(
            f"studio needs a terminal that can place its cursor: {'TERM is ' + term if term else 'TERM is not set'}.",
            "Where this one can: export TERM=xterm-256color. Verbs work on any: studio --help",
        )


def leave_with_terminal() -> None:
    """From here on the process ends when its terminal closes, also where its parents ignored that, as under nohup.

    Nothing is lost by it: every change is on disk before its key's work is done, and runs are processes of their own.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    threading.Thread(target=_wait_for_hang_up, name="hang-up", daemon=True).start()


def _wait_for_hang_up() -> None:
    # A terminal that is not the session's own sends no signal; reading from it then finds nothing, for ever.
    poll = select.poll()
    poll.register(0, 0)  # no event asked for: what is told unasked is that the other end is gone
    if any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
        os.kill(os.getpid(), signal.SIGHUP)
