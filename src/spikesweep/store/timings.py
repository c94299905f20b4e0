"""How long each block of a store took: a line a block, appended by the driver; nothing depends on it."""

import os
import re
from contextlib import suppress
from pathlib import Path

from spikesweep.errors import InputError
from spikesweep.store import plain
from spikesweep.store.durable import make_folder, open_beside
from spikesweep.store.records import HIDDEN
from spikesweep.store.remote import Place

_NAME = "seconds.txt"
#: A chunk of the status, points that were computed, seconds.
_LINE = re.compile(r"([0-9.]+) ([0-9]{1,18}) ([0-9.]{1,18})")


def note(path: Path, chunk: tuple[int, ...], n_points: int, seconds: float) -> None:
    """Append how long points of a block took; what cannot be written is not told."""
    line = f"{'.'.join(map(str, chunk))} {n_points} {seconds:.6f}\n".encode()
    with suppress(OSError, InputError):
        make_folder(path / HIDDEN)
        descriptor = open_beside(path / HIDDEN / _NAME, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def timings(path: Place) -> dict[tuple[int, ...], float]:
    """Return the seconds a point of each chunk of the status, of its latest run; none where none is known."""
    try:
        text = plain.content(path / HIDDEN / _NAME).decode("ascii", "replace")
    except (OSError, InputError):
        return {}
    found = {}
    for match in filter(None, map(_LINE.fullmatch, text.splitlines())):
        with suppress(ValueError, ZeroDivisionError):
            found[tuple(map(int, match[1].split(".")))] = float(match[3]) / int(match[2])
    return found
