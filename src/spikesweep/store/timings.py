"""How long each block of a store took: a file beside it, a line a block, appended by its driver.

Nothing depends on it, so it is no part of the store. A line names the store's state by its manifest: one of
another sweep, or of before the store grew, means other blocks.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from spikesweep.errors import InputError
from spikesweep.store import plain
from spikesweep.store.durable import content_hash, open_beside
from spikesweep.store.reading import Reader

#: The store's state, a chunk of the status, points that were computed, seconds.
_LINE = re.compile(r"([0-9a-f]{12}) ([0-9.]+) ([0-9]{1,18}) ([0-9.]{1,18})")


def file_of(path: Path) -> Path:
    """Return where the timings of a store are."""
    return path.with_suffix(".seconds")


def _state(store: Reader) -> str:
    return content_hash(store.manifest or plain.content(store.path / ".spikesweep" / "manifest.json"))[:12]


def note(store: Reader, chunk: tuple[int, ...], n_points: int, seconds: float) -> None:
    """Append how long points of a block took; what cannot be written is not told."""
    if not isinstance(store.path, Path):
        return
    with suppress(OSError, InputError):
        line = f"{_state(store)} {'.'.join(map(str, chunk))} {n_points} {seconds:.6f}\n".encode()
        descriptor = open_beside(file_of(store.path), os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def timings(store: Reader) -> dict[tuple[int, ...], float]:
    """Return the seconds a point of each chunk of the status, of its latest run; none where none is known."""
    if not isinstance(store.path, Path):
        return {}
    try:
        state = _state(store)
        text = plain.read(file_of(store.path)).decode("ascii", "replace")
    except (OSError, InputError):
        return {}
    found = {}
    for match in filter(None, map(_LINE.fullmatch, text.splitlines())):
        with suppress(ValueError, ZeroDivisionError):
            if match[1] == state:
                found[tuple(map(int, match[2].split(".")))] = float(match[4]) / int(match[3])
    return found
