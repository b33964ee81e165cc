"""How a verb ends whose output nobody takes: without a traceback, and with the exit code that other programs have.

1 where the reader has left (``studio rows | head -1``), 1 and the reason where the disk behind stdout is full or stdout
was closed, 130 for Ctrl-C.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130


@contextmanager
def ending_in_words() -> Iterator[None]:
    """Around the whole command line: what was written is out when the block ends, or it is said why not."""
    _keep_numbers_of_closed_streams()
    if sys.stdout is None:
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = io.StringIO()  # else the libraries take stdout
    try:
        try:
            yield
        except SystemExit as left:
            if left.code == INTERRUPTED:  # whoever presses Ctrl-C does not wait for a reader that has stopped reading
                _drop_output()
            raise
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before there was a verb
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is not None:
            raise
        _drop_output()
        _say_unwritten(error)
        sys.exit(1)


class _Closed(io.TextIOBase):
    """What stands for a stdout that was closed before the program began (``>&-``)."""

    def write(self, text: str | bytes) -> int:
        raise OSError(errno.EBADF, "it is closed")

    @property
    def buffer(self) -> _Closed:
        """For those who write bytes."""
        return self


def _keep_numbers_of_closed_streams() -> None:
    """Give 0, 1 and 2 to nothing where they are closed: else the store gets such a number, and words go into it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _drop_output() -> None:
    """Forget what could not be written, or the interpreter tries once more at its end and complains."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _say_unwritten(error: OSError) -> None:
    from studio.cli.printing import say_error
    from studio.errors import StudioError
    from studio.files import why_not

    say_error(StudioError(f"standard output cannot be written: {why_not(error)}."))
