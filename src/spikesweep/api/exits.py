"""What a command says, and exits with, when it is refused or stopped."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from spikesweep.errors import InputError, one_line

#: Nobody reads what is said, as of `| head`: what a shell calls the death by SIGPIPE.
SIGPIPE = 128 + signal.SIGPIPE


@contextmanager
def exit_codes(interrupted: str = "stopped") -> Iterator[None]:
    """Turn what is raised into a line and an exit code; docs/exit_codes.md has the table.

    SIGTERM, which queues and services send, ends a run as Ctrl-C does, its jobs too, with code 143.
    """
    try:
        with _terminated():
            yield
            sys.stdout.flush()  # here, and not when Python ends: nobody may read any more
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `| head`: who reads has seen enough
        _say_no_more()
        sys.exit(SIGPIPE)
    except OSError as error:
        print(f"stopped: {one_line(str(error))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as error:
        print(f"\n{interrupted}", file=sys.stderr)
        sys.exit(143 if isinstance(error, _Terminated) else 130)


def _say_no_more() -> None:
    """Let what is printed from now on go nowhere, at the end of Python too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # a stream of a notebook or a test
            os.dup2(nowhere, stream.fileno())


class _Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


@contextmanager
def _terminated() -> Iterator[None]:
    """Raise _Terminated where SIGTERM comes, unless the program has something else in mind with it."""

    def stop(*_: Any) -> None:
        raise _Terminated

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
