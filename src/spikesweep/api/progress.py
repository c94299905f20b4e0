"""What a person sees of a running sweep, on standard error: a progress line, in a log lines now and then.

Beside it, for whoever wants to see more, a page with the sweep's own space.
"""

import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from math import sqrt
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from spikesweep.grid.texts import duration_text

#: Seconds between two lines of a log: a part of the time so far, at least and at most so many.
_PART, _SOONEST, _LATEST = 0.1, 10.0, 600.0
#: Pieces of the time so far of which the pace is known, and half the width of what is told, at least.
_PIECES, _NOISE = 32, 0.1
#: Seconds between two looks of a notebook's line, and its characters.
_AGAIN, _WIDTH = 0.2, 30


class Pace:
    """How fast points are done, and when the rest will be."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._seen: deque[tuple[float, int]] = deque(maxlen=_PIECES)  # seconds, and points in them
        self._new = self.points = 0

    def add(self, n: int) -> None:
        """Count points."""
        self.points += n
        self._new += n
        now = self._clock()
        if now > self._last:
            self._seen.append((now - self._last, self._new))
            self._last, self._new = now, 0

    @property
    def seconds(self) -> float:
        """Return the time since the beginning."""
        return self._clock() - self._began

    @property
    def speed(self) -> float:
        """Return the points per second of late."""
        return sum(n for _, n in self._seen) / (sum(t for t, _ in self._seen) or 1.0)

    def left(self, points: int) -> str:
        """Return in words, with an interval, when so many points more will be done; nothing where unknown."""
        if not points or not self.speed or len(self._seen) < 2:
            return ""
        speed, whole = self.speed, sum(t for t, _ in self._seen)
        # of a ratio of sums: points against time, piece by piece
        spread = sqrt(sum((n - speed * t) ** 2 for t, n in self._seen)) / (speed * whole)
        spread *= sqrt(1.0 + sum(n for _, n in self._seen) / points)  # the rest will be as uneven
        wide = min(max(_NOISE, 2 * spread), 0.9)
        low, expected, high = (points / (speed * (1 + k * wide)) for k in (1, 0, -1))
        return f"{duration_text(expected)} left ({duration_text(low)} to {duration_text(high)})"


class _Display:
    """A line of a notebook's output that changes in its place; nothing needs to be installed for it."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self._handle = display({"text/plain": ""}, raw=True, display_id=True)
        self._shown = ""

    def show(self, done: int, total: int, how: str) -> None:
        """Show how far a run is."""
        filled = round(_WIDTH * done / total) if total else _WIDTH
        text = f"{'#' * filled}{'.' * (_WIDTH - filled)} {done}/{total} points  {how}"
        if text != self._shown:
            self._handle.update({"text/plain": text}, raw=True)
            self._shown = text


def _notebook() -> Callable[..., Any] | None:
    """Return what displays in a notebook, None outside of one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return None if getattr(shell, "kernel", None) is None else import_module("IPython.display").display


class Terminal:
    """Messages; of a run the points that are done and that failed, how fast, by how many, the time left."""

    def __init__(self, page: Callable[[str | None], AbstractContextManager[str]] | None = None) -> None:
        self._page, self._pages = page, ExitStack()
        self._dashboard: str | None = None
        # a notebook has a line of its own: that of rich needs ipywidgets, or warns
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True, force_jupyter=False)
        self._display = _notebook()
        self._line: _Display | None = None
        self._bar: Progress | None = None
        self._told = 0.0
        self._pace = Pace()

    def message(self, text: str) -> None:
        """Show a line, or several."""
        self._console.print(text, markup=False)

    def dashboard(self, address: str) -> None:
        """Say where the tasks of Dask can be watched."""
        self._dashboard = address
        self.message(f"dashboard: {address} (Dask's own: of tasks it knows the few that are under way)")

    def start(self, total: int, done: int, n_workers: Callable[[], int]) -> None:
        """Show the progress line; in a log, the first line comes later."""
        if self._page is not None:
            try:
                self.message(f"page: {self._pages.enter_context(self._page(self._dashboard))}")
            except Exception as error:  # no port, no package: the run goes on
                self.message(f"no page ({type(error).__name__}: {error})")
        self._pace, self._told = Pace(), 0.0
        self._total, self._done, self._failed = total, done, 0
        self._n_workers, self._n_now = n_workers, 0
        if self._display is not None:
            self._line = _Display(self._display)
            self._line.show(done, total, "")
        elif self._console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("points  {task.description}"))
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
            self._bar.add_task("", total=total, completed=done)

    def advance(self, n: int, failed: int = 0) -> None:
        """Move the progress line, or write one if it is time."""
        self._pace.add(n)
        self._done += n
        self._failed += failed
        self._n_now = self._n_workers()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, description=self._how())
        elif self._line is not None:
            if self._pace.seconds - self._told >= _AGAIN or self._done == self._total:
                self._told = self._pace.seconds
                self._line.show(self._done, self._total, self._how())
        elif self._pace.seconds - self._told > min(max(_PART * self._told, _SOONEST), _LATEST):
            self._told = self._pace.seconds
            self.message(f"{self._done} of {self._total} points  {self._how()}")

    def stop(self) -> None:
        """Leave the progress line as it stands; the page ends."""
        self._pages.close()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        elif self._line is not None:
            self._line.show(self._done, self._total, self._how())
            self._line = None
        elif self._pace.points:
            self.message(f"{self._done} of {self._total} points  {self._how()}")

    def _how(self) -> str:
        n = self._n_now
        parts = [f"{self._failed} failed"] if self._failed else []
        parts += [f"{self._pace.speed:,.0f}/s" if self._pace.speed >= 10 else f"{self._pace.speed:.2g}/s"]
        parts += [f"{n} worker{'' if n == 1 else 's'}", self._pace.left(self._total - self._done)]
        return "  ".join(part for part in parts if part)
