"""Files that come from anybody: read only where they are plain, and no longer than asked for."""

import os
import stat
from pathlib import Path

from spikesweep.errors import InputError, shown


def read_bounded(path: str | Path, most: int, what: str) -> bytes:
    """Return what a plain file holds; raise InputError for anything else, and for one of more bytes.

    Opened so that a pipe without a writer does not wait, and asked afterwards: what it is may change before.
    """
    megabytes = f"a file of at most {most // 10**6} MB"
    try:
        file = os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb", closefd=True) as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise InputError(f"{what} is no plain file; allowed: {megabytes}")
            found = opened.read(most + 1)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # no such file, no name of one, no such home
        said = error.strerror if isinstance(error, OSError) else shown(str(error))
        raise InputError(f"{what} cannot be read: {said}; allowed: {megabytes}") from error
    if len(found) > most:
        raise InputError(f"{what} is longer than that; allowed: {megabytes}")
    return found
