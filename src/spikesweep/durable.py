"""Files that survive: written whole or not at all, synchronised, locked, exchanged in one step."""

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from spikesweep.errors import InputError

PARTIAL = ".partial"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def content_hash(data: bytes) -> str:
    """Return the hash that names or guards the content of a file."""
    return blake2b(data, digest_size=16).hexdigest()


def write(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or absent, even when the power goes."""
    make_folder(path.parent)
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, their names durable."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(new: Path, path: Path) -> None:
    """Give a finished folder its name, in one step also where there is a folder of that name already."""
    if not path.exists():
        new.rename(path)
    else:
        _exchange(new, path)
        shutil.rmtree(new)
    sync_folder(path.parent)


def _exchange(a: Path, b: Path) -> None:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.renameat2(_AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), _RENAME_EXCHANGE)
        code = ctypes.get_errno() if failed else 0
    except AttributeError:  # not Linux
        code = errno.ENOSYS
    if code in (errno.ENOSYS, errno.EINVAL):
        # no exchange on this file system: for a moment there is no `b`, and a kill just then leaves
        # the old folder beside it, under a name that `recover` knows
        old = _old_name(b)
        b.rename(old)
        a.rename(b)
        old.rename(a)
    elif code:
        raise OSError(code, os.strerror(code), str(b))


def recover(path: Path) -> None:
    """Put back what a kill in the middle of an exchange left beside its place."""
    if not path.exists() and _old_name(path).exists():
        _old_name(path).rename(path)


def _old_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


@contextmanager
def locked(folder: Path, note: Path) -> Iterator[None]:
    """Hold the lock of a folder; raise InputError naming who holds it. A kill frees it at once.

    `note` says who holds it. Where the file system has no locks nothing is locked: two drivers then
    do the same work twice, and write the same bytes.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _in_use(folder, note) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        if os.fstat(descriptor).st_ino != folder.stat().st_ino:
            raise _in_use(folder, note)  # just now replaced by a larger one
        note.parent.mkdir(exist_ok=True)
        note.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        try:
            yield
        finally:
            note.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _in_use(folder: Path, note: Path) -> InputError:
    holder = note.read_text() if note.exists() else "another process"
    return InputError(f"{folder} is in use by {holder}; wait for it, or take another name=...")
