"""What Dask is told by all executors, and made to forget when one ends."""

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_SETTINGS: dict[str, Any] = {
    # by default any page in the user's browser may talk to the dashboard
    "distributed.scheduler.dashboard.bokeh-application.allow_websocket_origin": [],
    # what is not here is one that passes on requests to any host
    "distributed.scheduler.http.routes": [
        f"distributed.http.{name}"
        for name in ("scheduler.prometheus", "scheduler.info", "scheduler.json", "health", "statics")
    ],
    # by default the last thousand messages are kept, each with all the tasks that it is about
    "distributed.admin.low-level-log-length": 0,
}


@contextmanager
def told(settings: Mapping[str, Any] = {}) -> Iterator[None]:
    """Let Dask have our settings, and others, while an executor lives."""
    import dask

    _keep_no_schedulers()
    with dask.config.set({**_SETTINGS, **settings}):
        try:
            yield
        finally:
            _forget()


def _keep_no_schedulers() -> None:
    """Let the dashboard compute what it shows of a scheduler anew.

    It keeps that for each scheduler that ever was, and with it the scheduler: half a megabyte a run.
    """
    from distributed.dashboard import scheduler

    scheduler.template_variables = inspect.unwrap(scheduler.template_variables)


def _forget() -> None:
    """Let go of the methods that Dask has looked at, and of the schedulers that they belong to."""
    from distributed import core

    if isinstance(looked_at := core._expects_comm, functools._lru_cache_wrapper):
        looked_at.cache_clear()
