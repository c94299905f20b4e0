"""Items computed where they may crash, hang or use up the memory: in processes that may die of it."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any


@contextmanager
def watched(limit: float | None) -> Iterator[None]:
    """Let this worker process end itself if the context takes more than `limit` seconds."""
    if limit is None:
        yield
        return
    timer = Timer(limit, os._exit, (os.EX_TEMPFAIL,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(frozen=True)
class Death:
    """How a process ended that was to compute something."""

    reason: str


def isolated(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    prepare: Callable[[], Any],
    limit: float | None,
    memory: int | None,
) -> Iterator[Any]:
    """Yield `function(item)` for each item, or a Death, computed in processes that may die of it.

    One process works through the items; where it dies, or takes more than `limit` seconds for one, that
    item is to blame and a fresh process goes on with the next. `prepare` is called first, outside the
    limit. `memory` bounds the data of a process, in bytes.
    """
    first = 0
    while first < len(items):
        here, process = _served(function, items[first:], prepare, memory)
        with suppress(EOFError):
            here.recv()  # ready: imported and compiled
        while first < len(items):
            try:
                answer = here.recv() if here.poll(limit) else Death(f"no result within {limit:g} s")
            except EOFError:
                process.wait()
                answer = Death(_end_of(process.returncode))
            first += 1
            yield answer
            if isinstance(answer, Death):
                break
        process.kill()
        process.wait()
        here.close()


#: Not `multiprocessing`, whose processes may have no children where they are a worker's.
_CHILD = """
import sys
from multiprocessing.connection import Connection
there = Connection(int(sys.argv[1]))
sys.path[:] = there.recv()
from spikesweep.sweep.compute.isolation import serve
serve(there)
"""


def _served(
    function: Callable[[Any], Any], items: Sequence[Any], prepare: Callable[[], Any], memory: int | None
) -> tuple[Any, subprocess.Popen[bytes]]:
    """Return a new process that computes items, and the connection through which it answers."""
    here, there = multiprocessing.Pipe()
    with there:
        command = [sys.executable, "-c", _CHILD, str(there.fileno())]
        process = subprocess.Popen(command, pass_fds=[there.fileno()], stdin=subprocess.DEVNULL)
    with suppress(BrokenPipeError):  # it has died, which is told where its first answer is waited for
        here.send(sys.path)
        here.send((function, items, prepare, memory))
    return here, process


def serve(there: Any) -> None:
    """Answer for each item that a connection brings."""
    function, items, prepare, memory = there.recv()
    if memory is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    there.send(prepare())
    for item in items:
        there.send(function(item))


def _end_of(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended with exit code {code}"
