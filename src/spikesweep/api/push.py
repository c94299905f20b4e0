"""The command `push`: a whole store copied below a URL, and read back."""

import sys
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from spikesweep.api.exits import exit_codes
from spikesweep.api.store_commands import local
from spikesweep.errors import DamagedError, InputError
from spikesweep.grid.schema import MISSING
from spikesweep.store import Reader, Store
from spikesweep.store.check import check
from spikesweep.store.push import Copy, attributes_at, compared, n_lost, send
from spikesweep.store.remote import Remote, destination
from spikesweep.sweep.identity import told, unlike


def command(parsed: Any) -> int:
    """Copy what is not there yet of a store below a URL, read all of it back, and say how it went."""
    target = destination(parsed.url)
    path = local(parsed.path, "push").path
    with exit_codes("stopped; the same push continues where it was"), Store(path).locked():
        store = local(str(path), "push").held()  # another process may have replaced it
        if problems := check(store):
            more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            remedy = f"python -m spikesweep check {path} --repair"
            raise DamagedError(str(path), f"{problems[0].what}{more}", remedy)
        _refuse_other(store, target)
        copy = compared(store, target)
        missing = int(np.count_nonzero(store.told() == MISSING))
        if missing:
            print(f"{missing} points are not computed yet; push again once they are", file=sys.stderr)
        _send(copy)
    n = len(copy.lacking)
    print(
        f"{n} files sent, {len(copy.sizes) - n} were there; {target} is read back: all is as it was written"
    )
    return 0


def _refuse_other(store: Store, target: Remote) -> None:
    """Raise InputError where a place holds something that is not an earlier state of this store."""
    there = attributes_at(target, store)
    if there is None:
        return
    if found := unlike(there, store.attrs):
        raise InputError(f"{target} holds another sweep: {told(found)}; allowed: another URL")
    try:
        place = Reader.at(target)
    except InputError:  # half a copy, or a damaged one: no results of its own
        return
    lost = n_lost(place, store) if place else 0
    if lost:
        raise InputError(
            f"{target} holds {lost} points that {store.path} has not; allowed: another URL, or computing them"
        )


def _send(copy: Copy) -> None:
    columns = (TextColumn("push"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as progress:
        task = progress.add_task("push", total=copy.n_bytes)
        send(copy, lambda n: progress.advance(task, n))
