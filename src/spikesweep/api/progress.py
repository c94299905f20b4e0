"""What a person sees of a running sweep: messages and a progress line, on standard error."""

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeft
from rich.text import Text


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} points/s")


class Terminal:
    """Messages and a progress line: points done, points per second, time left."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None

    def message(self, text: str) -> None:
        """Show a line."""
        self._console.print(text, markup=False)

    def start(self, total: int, done: int) -> None:
        """Show the progress line."""
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("points"), _Speed(), TimeLeft())
        self._progress = Progress(*columns, console=self._console)
        self._progress.start()
        self._progress.add_task("sweep", total=total, completed=done)

    def advance(self, n: int) -> None:
        """Move the progress line."""
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0], n)

    def stop(self) -> None:
        """Leave the progress line as it stands."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
