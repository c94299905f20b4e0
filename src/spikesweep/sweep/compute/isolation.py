"""Items computed where they may crash, hang or use up the memory: in processes that may die of it."""

import multiprocessing
import os
import signal
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
    context = multiprocessing.get_context("spawn")
    first = 0
    while first < len(items):
        here, there = context.Pipe(duplex=False)
        arguments = (there, function, items[first:], prepare, memory)
        process = context.Process(target=_serve, args=arguments, daemon=True)
        process.start()
        there.close()
        with suppress(EOFError):
            here.recv()  # ready: imported and compiled
        while first < len(items):
            try:
                answer = here.recv() if here.poll(limit) else Death(f"no result within {limit:g} s")
            except EOFError:
                process.join()
                answer = Death(_end_of(process.exitcode))
            first += 1
            yield answer
            if isinstance(answer, Death):
                break
        process.kill()
        process.join()
        here.close()


def _serve(
    there: Any,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    prepare: Callable[[], Any],
    memory: int | None,
) -> None:
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
