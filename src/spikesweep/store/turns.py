"""Turns of writers: who writes a block of a store keeps others out, of any process, thread and host."""

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spikesweep.errors import InputError
from spikesweep.store.durable import NO_LOCKS, open_beside

#: How long a driver waits for writers of an earlier run (s), and between two looks at them.
_PATIENCE, _LOOK = 60.0, 0.02


@contextmanager
def alone(path: Path, place: int | None = None) -> Iterator[None]:
    """Keep other writers out of one place of what is at a path, or out of all of it (None).

    Writers are processes of any host, and threads. One of a place waits until it is its turn; who wants all
    waits for a minute, then raises InputError. What is locked is a file beside the path, so that it outlives
    what is put in its place. Nothing is locked where the file system has no locks.
    """
    file = _file(path)
    until = time.monotonic() + _PATIENCE
    while (descriptor := _locked(file, place)) is None:
        if place is None and time.monotonic() > until:
            raise InputError(f"{path}: a worker of an earlier run still writes; allowed: when it has ended")
        time.sleep(_LOOK)
    try:
        yield
        if place is None:  # nobody is inside, and who waits looks for the file again
            file.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def forget(path: Path) -> None:
    """Remove what writers have locked, unless one of them is at work."""
    file = _file(path)
    if file.exists() and (descriptor := _locked(file, None)) is not None:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def _file(path: Path) -> Path:
    return path.with_name(f".{path.name}.writing")


def _locked(file: Path, place: int | None) -> int | None:
    """Return the descriptor of a file that is locked at a place, None where that is to be tried again."""
    descriptor = open_beside(file, os.O_RDWR)
    if _exclude(descriptor, place, wait=place is not None):
        with suppress(FileNotFoundError):  # who locked all of it has just removed it
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
    os.close(descriptor)
    return None


def _exclude(descriptor: int, place: int | None, *, wait: bool) -> bool:
    """Lock a byte of a file, or all; return whether it is locked, or nothing can be."""
    first, count = (0, 0) if place is None else (place, 1)
    try:
        try:  # of an open file, not of a process: threads exclude each other, too
            what = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, first, count, 0)
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, what)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))  # not Linux: all places
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        if error.errno not in NO_LOCKS:
            raise
    return True
