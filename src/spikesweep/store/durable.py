"""Files that survive: written whole or not at all, synchronised, locked, exchanged in one step."""

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from spikesweep.errors import InputError

PARTIAL = ".partial"
#: Errors of file systems that have no locks.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
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


def put_in_place(new: Path, path: Path, *, replace: bool) -> None:
    """Give a finished folder its name, in one step, in the place of the folder that has it with `replace`.

    Raises InputError where there is a folder that is not to be replaced.
    """
    if replace and path.exists():
        _exchange(new, path)
        shutil.rmtree(new)
    else:
        try:
            new.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise InputError(f"{path} has just been made by another process; run it again") from error
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


def is_beside(path: Path) -> bool:
    """Return whether a kill in the middle of an exchange left a folder beside its place, or one goes on."""
    return not path.exists() and _old_name(path).exists()


def recover(path: Path) -> None:
    """Put back what a kill in the middle of an exchange left beside its place. Call it under the lock."""
    if is_beside(path):
        _old_name(path).rename(path)


def _old_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the one writer at a path, which need not exist; raise InputError naming who holds it.

    The lock is a file beside the path, so that it outlives what is put in its place. A kill frees it at
    once. Where the file system has no locks nothing is locked: whoever finds the folder replaced that it
    writes to must stop.
    """
    file = path.with_name(f".{path.name}.lock")
    try:
        make_folder(path.parent)
        descriptor = _lock(file, path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    try:
        with suppress(OSError):  # a full disk: nobody learns who we are
            _write_holder(file, descriptor)
        yield
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
        os.close(descriptor)


def open_beside(file: Path, mode: int) -> int:
    """Return the descriptor of a file beside a store, made where it is not there: a lock, or a log.

    Raises InputError for anything but a plain file: a link would have another file locked, or written.
    """
    try:
        descriptor = os.open(file, mode | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise
        descriptor = None
    if descriptor is not None and stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    if descriptor is not None:
        os.close(descriptor)
    raise InputError(f"{file} is a link, a pipe or a device; allowed: a plain file, or none") from None


def _write_holder(file: Path, descriptor: int) -> None:
    """Write who holds a lock into its file, which may be locked by a descriptor that only reads."""
    other = open_beside(file, os.O_WRONLY)
    try:
        if os.path.samestat(os.fstat(other), os.fstat(descriptor)):
            os.ftruncate(other, 0)
            os.write(other, f"process {os.getpid()} on {socket.gethostname()}".encode())
    finally:
        os.close(other)


def _lock(file: Path, path: Path) -> int:
    mode = os.O_RDONLY
    while True:
        descriptor = open_beside(file, mode)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace") or "another process"
            os.close(descriptor)
            raise InputError(f"{path} is in use by {holder}; wait for it, or take another name=...") from None
        except OSError as error:
            if error.errno == errno.EBADF and mode == os.O_RDONLY:  # NFS locks only what can be written
                os.close(descriptor)
                mode = os.O_RDWR
                continue
            if error.errno not in NO_LOCKS:
                os.close(descriptor)
                raise
        with suppress(FileNotFoundError):  # its last holder has just removed it
            if os.path.samestat(os.fstat(descriptor), file.stat()):
                return descriptor
        os.close(descriptor)
