"""What a command says, and exits with, when it is refused or stopped."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from spikesweep.errors import InputError


@contextmanager
def exit_codes(interrupted: str = "stopped") -> Iterator[None]:
    """Turn what is raised into a line and an exit code: 2 refused, 1 stopped by the disk, 130 interrupted.

    SIGTERM, which queues and services send, ends a run as Ctrl-C does, its jobs too, with code 143.
    """
    try:
        with _terminated():
            yield
    except InputError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # `| head`: who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt as error:
        print(f"\n{interrupted}", file=sys.stderr)
        sys.exit(143 if isinstance(error, _Terminated) else 130)


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
